//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestOwners uses one cluster from two configurations, two projects and two users.
func TestOwners(t *testing.T) {
	useEngine(t)
	p := newShop(t, "shop-owners-e2e", "24083")
	t.Run("lets one of two configurations create the cluster, and the other one use it", p.testTwoConfigurations)
	t.Run("refuses another project while the cluster runs", p.testOtherProject)
	t.Run("refuses another user", p.testOtherUser)
	p.run(t, "down").wantExit(t, 0)
	data := filepath.Join(p.state, "tkdeploy", "clusters", "shop-owners-e2e", "volumes", "shop", "data", "PG_VERSION")
	if err := os.MkdirAll(filepath.Dir(data), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, data, "17")
	t.Run("refuses another project while the cluster is down", p.testOtherProject)
	if text := readFile(t, data); text != "17" {
		t.Errorf("got data %q, want it unchanged", text)
	}
}

// testTwoConfigurations starts two runs at once, as make -j2 does.
func (p *project) testTwoConfigurations(t *testing.T) {
	path := filepath.Join(p.dir, "tkdeploy.yaml")
	writeFile(t, filepath.Join(p.dir, "infra.yaml"), strings.Replace(readFile(t, path), "release: shop", "release: infra", 1))
	var results [2]result
	var wg sync.WaitGroup
	for i, config := range []string{"tkdeploy.yaml", "infra.yaml"} {
		wg.Go(func() { results[i] = p.run(t, "up", "--only", "cluster", "--config", config) })
	}
	wg.Wait()
	created := 0
	for _, r := range results {
		r.wantExit(t, 0)
		created += strings.Count(r.stderr, "cluster created")
	}
	if created != 1 {
		t.Errorf("got %d creates, want 1:\n%s\n%s", created, results[0].stderr, results[1].stderr)
	}
}

var ownedCommands = [][]string{
	{"up"}, {"down"}, {"down", "--volumes"}, {"rollback"}, {"verify"}, {"status"}, {"history"}, {"kubeconfig"},
}

func (p *project) testOtherProject(t *testing.T) {
	p.replaceInFile(t, "tkdeploy.yaml", "\nname: shop\n", "\nname: blog\n")
	before := p.nodes(t)
	for _, args := range ownedCommands {
		p.run(t, args...).wantExit(t, 5).wantStderr(t, "cluster shop-owners-e2e: belongs to shop/test, not to blog/test")
	}
	if after := p.nodes(t); after != before {
		t.Errorf("got nodes %s, want %s", after, before)
	}
}

func (p *project) testOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can switch to another user")
	}
	socket, err := os.Stat(engineSocket)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	command(t, "chmod", "-R", "a+rX", filepath.Dir(p.dir)) // for the other user
	command(t, "chown", "65534", home)
	command(t, "chmod", "a+rx", filepath.Dir(home))
	other := p.withEnv("HOME="+home, "XDG_STATE_HOME="+home)
	group := socket.Sys().(*syscall.Stat_t).Gid
	other.wrapper = []string{"setpriv", "--reuid=65534", fmt.Sprintf("--regid=%d", group), "--clear-groups"}
	before := p.nodes(t)
	for _, args := range ownedCommands {
		if args[0] == "up" {
			args = append(args, "--only", "cluster")
		}
		other.run(t, args...).wantExit(t, 5).wantStderr(t, "cluster shop-owners-e2e: belongs to shop/test of another user or state directory: its data is in "+p.state)
	}
	if after := p.nodes(t); after != before {
		t.Errorf("got nodes %s, want %s", after, before)
	}
	p.run(t, "status").wantExit(t, 0)
}

// nodes returns the IDs of the node containers.
func (p *project) nodes(t *testing.T) string {
	t.Helper()
	return docker(t, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=io.x-k8s.kind.cluster=shop-owners-e2e")
}
