//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newShop lays out the smallest app, with the project's own recipes, for a cluster
// of that name and that port of this machine.
func newShop(t *testing.T, cluster, port string) *project {
	p := newProject(t, "testdata/shop", "test", strings.NewReplacer("shop-e2e", cluster, "24080", port), "tkdeploy.yaml", "chart", "web")
	copyTree(t, "../../offline", filepath.Join(p.dir, "offline"))
	p.url = "http://localhost:" + port + "/health"
	return p
}

func (p *project) wantNoContainers(t *testing.T) {
	t.Helper()
	if found := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=shop-e2e"); found != "" {
		t.Errorf("containers: %s", found)
	}
}

// serves fails the test unless the shop answers and the newest revision is
// deployed, current and verified. It returns that.
func (p *project) wantServing(t *testing.T) revision {
	t.Helper()
	if code, body := call(t, "GET", p.url, "", ""); code != 200 {
		again, _ := exec.CommandContext(t.Context(), "curl", "--silent", "--show-error", "--include", p.url).CombinedOutput()
		t.Errorf("GET %s: %d %q; again, to see who answers:\n%s\n%s", p.url, code, body, again, docker(t, "ps", "--format", "{{.Names}}\t{{.Ports}}"))
	}
	last := newest(p.history(t))
	if last.Status != "deployed" || !last.Current || !last.Verified {
		t.Errorf("the newest revision is %+v", last)
	}
	return last
}

// visitor asks for the shop as a newcomer.
func (p *project) healthRequest() request {
	return request{user{base: p.url, client: newClient(5 * time.Second)}, "GET", "", 200}
}

// allReady fails the test unless every workload has all its pods.
func (p *project) wantAllReady(t *testing.T) {
	t.Helper()
	var s struct {
		Workloads []struct {
			Name           string
			Ready, Desired int
		}
	}
	out := p.run(t, "status", "--output", "json").wantExit(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Workloads) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, w := range s.Workloads {
		if w.Ready < w.Desired {
			t.Errorf("%s: %d of %d ready", w.Name, w.Ready, w.Desired)
		}
	}
}

// unlocked fails the test if a lock file or a Lease of ours is left.
func (p *project) wantUnlocked(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.state, "tkdeploy", "locks", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("lock files %v, %v", files, err)
	}
	leases, err := p.kube(t).CoordinationV1().Leases(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=tkdeploy"})
	if err != nil || len(leases.Items) > 0 {
		t.Errorf("Leases %v, %v", leases, err)
	}
}
