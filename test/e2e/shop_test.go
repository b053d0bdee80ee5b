//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func newShop(t *testing.T, cluster, port string) *project {
	p := newProject(t, "testdata/shop", cluster, "test", strings.NewReplacer("shop-e2e", cluster, "24080", port), "tkdeploy.yaml", "chart", "web")
	copyTree(t, "../../offline", filepath.Join(p.dir, "offline"))
	p.url = "http://localhost:" + port + "/health"
	return p
}

func (p *project) wantNoContainers(t *testing.T) {
	t.Helper()
	if found := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=shop-e2e"); found != "" {
		t.Errorf("got containers %s, want none", found)
	}
}

// wantServing returns the newest revision. The shop must be healthy and the revision
// deployed, current and verified.
func (p *project) wantServing(t *testing.T) revision {
	t.Helper()
	if code, body := call(t, "GET", p.url, "", ""); code != 200 {
		curl, _ := exec.CommandContext(t.Context(), "curl", "--silent", "--show-error", "--include", p.url).CombinedOutput()
		t.Errorf("GET %s: got %d %q, want 200; response to curl, and the containers:\n%s\n%s", p.url, code, body, curl, docker(t, "ps", "--format", "{{.Names}}\t{{.Ports}}"))
	}
	last := newest(p.history(t))
	if last.Status != "deployed" || !last.Current || !last.Verified {
		t.Errorf("got newest revision %+v, want it deployed, current and verified", last)
	}
	return last
}

func (p *project) wantRevision(t *testing.T, want int) {
	t.Helper()
	if got := newest(p.history(t)); got.Revision != want {
		t.Errorf("got newest revision %+v, want revision %d", got, want)
	}
}

func (p *project) healthRequest() request {
	return request{user{base: p.url, client: newClient(5 * time.Second)}, "GET", "", 200}
}

func (p *project) wantAllReady(t *testing.T) {
	t.Helper()
	for _, w := range p.workloads(t) {
		if w.Ready < w.Desired {
			t.Errorf("%s: got %d ready, want %d", w.Name, w.Ready, w.Desired)
		}
	}
}

func (p *project) wantUnlocked(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.state, "tkdeploy", "locks", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("got lock files %v, error %v, want none", files, err)
	}
	leases, err := p.kube(t).CoordinationV1().Leases(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=tkdeploy"})
	if err != nil || len(leases.Items) > 0 {
		t.Errorf("got Leases %v, error %v, want none", leases, err)
	}
}
