//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TKDEPLOY_BIN")
	if path == "" {
		t.Fatal("set TKDEPLOY_BIN to the path of the tkdeploy binary, or use make test-e2e")
	}
	return path
}

// project is a copy of an app with its own state directory.
type project struct {
	dir      string
	state    string
	env      string   // --env
	extraEnv []string // variables
	wrapper  []string // runs tkdeploy
	url      string   // health endpoint of the shop
}

// newProject copies parts of root and applies replace to tkdeploy.yaml. It deletes a cluster
// that a killed or kept run left, because that belongs to another state directory. Its
// cleanup runs down unless TKDEPLOY_E2E_KEEP is set.
func newProject(t *testing.T, root, cluster, env string, replace *strings.Replacer, parts ...string) *project {
	t.Helper()
	for _, node := range strings.Fields(docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster="+cluster)) {
		docker(t, "rm", "--force", "--volumes", node)
	}
	p := &project{dir: t.TempDir(), state: t.TempDir(), env: env}
	for _, part := range parts {
		copyTree(t, filepath.Join(root, part), filepath.Join(p.dir, part))
	}
	path := filepath.Join(p.dir, "tkdeploy.yaml")
	writeFile(t, path, replace.Replace(readFile(t, path)))
	t.Cleanup(func() {
		if os.Getenv("TKDEPLOY_E2E_KEEP") != "" {
			t.Logf("kept: cd %s && XDG_STATE_HOME=%s tkdeploy status --env %s", p.dir, p.state, env)
			return
		}
		if got := p.runContext(context.Background(), t, "down", "--volumes"); got.code != 0 {
			t.Errorf("down --volumes: got exit code %d, want 0\n%s", got.code, got.stderr)
		}
	})
	return p
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == ".next" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// keptPaths returns the files of a name in the state directory, except those in the
// directories of other users.
func (p *project) keptPaths(t *testing.T, name string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(p.state, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return fs.SkipDir
		}
		if err == nil && d.Name() == name {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (p *project) withEnv(variables ...string) *project {
	other := *p
	other.extraEnv = slices.Concat(p.extraEnv, variables)
	return &other
}

// replaceInFile restores the file when the test ends.
func (p *project) replaceInFile(t *testing.T, name, old, with string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	before := readFile(t, path)
	if !strings.Contains(before, old) {
		t.Fatalf("replace in %s: %q not found", name, old)
	}
	writeFile(t, path, strings.Replace(before, old, with, 1))
	t.Cleanup(func() { writeFile(t, path, before) })
}

func (p *project) addManifest(t *testing.T, manifest string) {
	t.Helper()
	p.replaceInFile(t, "chart/templates/web.yaml", "apiVersion: apps/v1\n", manifest+"---\napiVersion: apps/v1\n")
}

// changeSource changes the tag of the shop's image.
func (p *project) changeSource(t *testing.T) {
	t.Helper()
	path := filepath.Join(p.dir, "web", "main.go")
	writeFile(t, path, readFile(t, path)+fmt.Sprintf("\nconst changed%d = true\n", time.Now().UnixNano()))
}

func (p *project) kube(t *testing.T) kubernetes.Interface {
	t.Helper()
	path := strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout)
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
