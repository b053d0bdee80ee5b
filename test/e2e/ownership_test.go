//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// otherKubeconfig writes a kubeconfig for another cluster and returns the variables with
// which kubectl and Helm would use it. Its cleanup checks that the cluster received no
// request, and that neither this nor ~/.kube/config changed (rows 11 and 14). Call it
// before newProject, whose cleanup must run first.
func otherKubeconfig(t *testing.T) (variables []string) {
	t.Helper()
	var requests atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	path := filepath.Join(t.TempDir(), "config")
	writeFile(t, path, "apiVersion: v1\nkind: Config\ncurrent-context: kind-shop-e2e\n"+
		"clusters: [{name: c, cluster: {server: '"+other.URL+"'}}]\n"+
		"contexts: [{name: kind-shop-e2e, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n")
	files := []string{path}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".kube", "config"))
	}
	before := fileStates(t, files)
	t.Cleanup(func() {
		other.Close()
		if n := requests.Load(); n > 0 {
			t.Errorf("row 11: got %d requests to the other cluster, want 0", n)
		}
		if after := fileStates(t, files); after != before {
			t.Errorf("row 14: got kubeconfigs of the user\n%s\nwant\n%s", after, before)
		}
	})
	return []string{"KUBECONFIG=" + path, "HELM_KUBECONTEXT=kind-shop-e2e", "HELM_KUBEAPISERVER=" + other.URL, "HELM_KUBETOKEN=x", "HELM_NAMESPACE=other"}
}

func fileStates(t *testing.T, files []string) string {
	t.Helper()
	var b strings.Builder
	for _, path := range files {
		info, err := os.Stat(path)
		if os.IsNotExist(err) {
			b.WriteString(path + ": not found\n")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(path + " " + info.ModTime().String() + "\n" + readFile(t, path))
	}
	return b.String()
}

func (p *project) testKubeconfigMode(t *testing.T) {
	path := strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(path, p.state) {
		t.Errorf("kubeconfig %s: got %v, error %v, want mode 0600 in %s", path, info, err, p.state)
	}
}

// testNotOwnedCluster creates a stopped kind node without the mount that marks tkdeploy's nodes.
func (p *project) testNotOwnedCluster(t *testing.T) {
	const empty = "tkdeploy-e2e-foreign:1"
	command(t, "sh", "-c", "tar -c --files-from /dev/null | docker import - "+empty)
	defer docker(t, "rmi", empty)
	id := docker(t, "create", "--label", "io.x-k8s.kind.cluster=shop-e2e", "--label", "io.x-k8s.kind.role=control-plane",
		"--name", "shop-e2e-control-plane", empty, "true")
	defer docker(t, "rm", "--force", id)
	before := docker(t, "inspect", id)
	for _, args := range [][]string{{"down"}, {"down", "--volumes"}, {"up", "--only", "cluster"}} {
		p.run(t, args...).wantExit(t, 5).wantStderr(t, "shop-e2e-control-plane was not created by tkdeploy")
	}
	if after := docker(t, "inspect", id); after != before {
		t.Errorf("got container\n%s\nwant it unchanged:\n%s", after, before)
	}
}

func (p *project) testForeignNodes(t *testing.T) {
	var writes atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/v1/nodes" {
			_, _ = w.Write([]byte(`{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"prod-1"},"spec":{"providerID":"aws:///eu-west-1a/i-1"}}]}`))
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
	}))
	defer other.Close()
	path := strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout)
	before := readFile(t, path)
	defer writeFile(t, path, before)
	writeFile(t, path, "apiVersion: v1\nkind: Config\ncurrent-context: kind-shop-e2e\n"+
		"clusters: [{name: kind-shop-e2e, cluster: {server: '"+other.URL+"'}}]\n"+
		"contexts: [{name: kind-shop-e2e, context: {cluster: kind-shop-e2e, user: u}}]\nusers: [{name: u}]\n")
	p.run(t, "up").wantExit(t, 5).wantStderr(t, "node prod-1 has provider ID")
	if n := writes.Load(); n > 0 {
		t.Errorf("got %d writes, want 0", n)
	}
}
