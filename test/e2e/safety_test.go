//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// theirKubeconfig is a user's kubeconfig whose current context leads to another
// cluster, and the variables that name it to kubectl and Helm. When the test
// ends, after the project's own end, nobody must have asked that cluster, and
// neither that file nor ~/.kube/config may have changed (rows 11 and 14).
func theirKubeconfig(t *testing.T) (variables []string) {
	t.Helper()
	var requests atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, "apiVersion: v1\nkind: Config\ncurrent-context: kind-shop-e2e\n"+
		"clusters: [{name: c, cluster: {server: '"+other.URL+"'}}]\n"+
		"contexts: [{name: kind-shop-e2e, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n")
	files := []string{path}
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".kube", "config"))
	}
	before := stamps(t, files)
	t.Cleanup(func() {
		other.Close()
		if n := requests.Load(); n > 0 {
			t.Errorf("row 11: %d requests went to the other cluster", n)
		}
		if after := stamps(t, files); after != before {
			t.Errorf("row 14: the user's kubeconfigs were\n%s\nand are\n%s", before, after)
		}
	})
	return []string{"KUBECONFIG=" + path, "HELM_KUBECONTEXT=kind-shop-e2e", "HELM_KUBEAPISERVER=" + other.URL, "HELM_KUBETOKEN=x", "HELM_NAMESPACE=other"}
}

// stamps are the files' times and contents.
func stamps(t *testing.T, files []string) string {
	t.Helper()
	var b strings.Builder
	for _, path := range files {
		info, err := os.Stat(path)
		if os.IsNotExist(err) {
			b.WriteString(path + ": not there\n")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(path + " " + info.ModTime().String() + "\n" + read(t, path))
	}
	return b.String()
}

// ownKubeconfig: the private file is for its owner alone.
func (p *project) ownKubeconfig(t *testing.T) {
	path := strings.TrimSpace(p.run(t, "kubeconfig").must(t, 0).stdout)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(path, p.state) {
		t.Errorf("%s: %v, %v", path, info, err)
	}
}

// foreignCluster puts a stopped node of that name in the way, as kind would
// create it, and without tkdeploy's mark.
func (p *project) foreignCluster(t *testing.T) {
	const empty = "tkdeploy-e2e-foreign:1"
	command(t, "sh", "-c", "tar -c --files-from /dev/null | docker import - "+empty)
	defer docker(t, "rmi", empty)
	id := docker(t, "create", "--label", "io.x-k8s.kind.cluster=shop-e2e", "--label", "io.x-k8s.kind.role=control-plane",
		"--name", "shop-e2e-control-plane", empty, "true")
	defer docker(t, "rm", "--force", id)
	before := docker(t, "inspect", id)
	for _, args := range [][]string{{"down"}, {"down", "--volumes"}, {"up", "--only", "cluster"}} {
		p.run(t, args...).must(t, 5).says(t, "shop-e2e-control-plane was not created by tkdeploy")
	}
	if after := docker(t, "inspect", id); after != before {
		t.Errorf("the foreign node was\n%s\nand is\n%s", before, after)
	}
}

// foreignNodes makes the kubeconfig lead to a cluster whose nodes are not kind's:
// nothing may be written there (row 12).
func (p *project) foreignNodes(t *testing.T) {
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
	path := strings.TrimSpace(p.run(t, "kubeconfig").must(t, 0).stdout)
	ours := read(t, path)
	defer write(t, path, ours)
	write(t, path, "apiVersion: v1\nkind: Config\ncurrent-context: kind-shop-e2e\n"+
		"clusters: [{name: kind-shop-e2e, cluster: {server: '"+other.URL+"'}}]\n"+
		"contexts: [{name: kind-shop-e2e, context: {cluster: kind-shop-e2e, user: u}}]\nusers: [{name: u}]\n")
	p.run(t, "up").must(t, 5).says(t, "node prod-1 is not of this kind cluster")
	if n := writes.Load(); n > 0 {
		t.Errorf("%d writes", n)
	}
}

// credential: a .env in a context that is copied whole stops the run before
// anything is built, and its content is not told.
func (p *project) credential(t *testing.T) {
	path := filepath.Join(p.dir, "web", ".env")
	write(t, path, "DB_PASSWORD=hunter2\n")
	defer os.Remove(path)
	before := imagesOf(t, "shop-web")
	got := p.run(t, "up").must(t, 3).says(t, "web/.env is an environment file with values", ".dockerignore", "build.allow")
	if strings.Contains(got.stdout+got.stderr, "hunter2") {
		t.Errorf("the content is told:\n%s", got.stderr)
	}
	if after := imagesOf(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("images before: %s, and after: %s", before, after)
	}
}

// doctor looks at the real engine: nothing fails where the app comes up, and a
// port that somebody else holds does.
func (p *project) doctor(t *testing.T) {
	p.run(t, "doctor").must(t, 0)
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	got := p.run(t, "doctor", "--output", "json").must(t, 4)
	found := p.diagnosis(t, got)
	if !strings.Contains(found["port"], "fail 24080 is in use") || !strings.HasPrefix(found["engine"], "ok Docker Engine") || !strings.HasPrefix(found["resources"], "ok ") {
		t.Errorf("got %v", found)
	}
}

func (p *project) doctorOfARunningApp(t *testing.T) {
	found := p.diagnosis(t, p.run(t, "doctor", "--output", "json").must(t, 0))
	if found["port"] != "ok 24080 is in use by this environment's cluster" || !strings.HasPrefix(found["cluster"], "ok running: ") {
		t.Errorf("got %v", found)
	}
}

// diagnosis gives "status message" by name.
func (p *project) diagnosis(t *testing.T, r result) map[string]string {
	t.Helper()
	var d struct {
		Checks []struct{ Name, Status, Message, Fix string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	found := map[string]string{}
	for _, c := range d.Checks {
		found[c.Name] = c.Status + " " + c.Message
		if c.Status != "ok" && c.Fix == "" {
			t.Errorf("%s: %s without a fix", c.Name, c.Message)
		}
	}
	return found
}
