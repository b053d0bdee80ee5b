package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// apiServer starts an API server with nodes that accepts every write.
func apiServer(t *testing.T, providerIDs ...string) (url string, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var log []string
	nodes := corev1.NodeList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NodeList"}}
	for _, id := range providerIDs {
		nodes.Items = append(nodes.Items, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{ProviderID: id}})
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/v1/nodes" {
			if r.Header.Get("Authorization") != "Bearer t" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_ = json.NewEncoder(w).Encode(nodes)
			return
		}
		_ = json.NewEncoder(w).Encode(corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}})
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(log)
	}
}

func (c *Cluster) useServer(t *testing.T, url string) {
	t.Helper()
	c.client = func(config *rest.Config) (kubernetes.Interface, error) { return kubernetes.NewForConfig(config) }
	if err := writePrivate(c.Kubeconfig(), []byte(kubeconfigFor(url))); err != nil {
		t.Fatal(err)
	}
}

func kubeconfigFor(url string) string {
	return strings.ReplaceAll(kubeconfigText, `"https://127.0.0.1:6443"`, `"`+url+`", insecure-skip-tls-verify: true`)
}

// Row 12 of docs/faults.md, with a loopback address, as through a tunnel.
func TestAPIGuard_ownership(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nodes []string
		class fault.Class
	}{
		"own nodes":                     {[]string{"kind://docker/shop-dev/a", "kind://docker/shop-dev/b"}, ""},
		"nodes of a cloud provider":     {[]string{"gce://p/z/n"}, fault.NotOwned},
		"nodes of another kind cluster": {[]string{"kind://docker/shop-dev-2/a"}, fault.NotOwned},
		"one other node":                {[]string{"kind://docker/shop-dev/a", ""}, fault.NotOwned},
		"no nodes":                      {nil, fault.NotOwned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := apiServer(t, test.nodes...)
			c := newCluster(t, &fakeDocker{}, &fakeKind{})
			c.useServer(t, url)
			client, err := c.Client()
			if err != nil {
				t.Fatal(err)
			}
			maps := client.CoreV1().ConfigMaps("shop")
			for range 2 {
				if _, err := maps.Create(t.Context(), &corev1.ConfigMap{}, metav1.CreateOptions{}); fault.ClassOf(err) != test.class || (err == nil) != (test.class == "") {
					t.Errorf("create: got %v of class %q, want class %q", err, fault.ClassOf(err), test.class)
				}
			}
			if err := maps.Delete(t.Context(), "x", metav1.DeleteOptions{}); fault.ClassOf(err) != test.class {
				t.Errorf("delete: got %v of class %q, want class %q", err, fault.ClassOf(err), test.class)
			}
			want := []string{
				"GET /api/v1/nodes", "POST /api/v1/namespaces/shop/configmaps",
				"POST /api/v1/namespaces/shop/configmaps", "DELETE /api/v1/namespaces/shop/configmaps/x",
			}
			if test.class != "" {
				want = []string{"GET /api/v1/nodes", "GET /api/v1/nodes", "GET /api/v1/nodes"}
			}
			if diff := cmp.Diff(want, requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPIGuard(t *testing.T) {
	t.Parallel()
	t.Run("passes reads without a check", func(t *testing.T) {
		t.Parallel()
		url, requests := apiServer(t)
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		c.useServer(t, url)
		client, err := c.Client()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().ConfigMaps("shop").Get(t.Context(), "x", metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := requests(); len(got) != 1 {
			t.Errorf("got requests %v, want 1", got)
		}
	})

	t.Run("blocks writes if the nodes are unknown", func(t *testing.T) {
		t.Parallel()
		url, requests := apiServer(t, "kind://docker/shop-dev/a")
		c := newCluster(t, &fakeDocker{}, &fakeKind{})
		c.useServer(t, url)
		text, err := os.ReadFile(c.Kubeconfig())
		if err != nil {
			t.Fatal(err)
		}
		if err := writePrivate(c.Kubeconfig(), []byte(strings.ReplaceAll(string(text), "token: t", "token: wrong"))); err != nil {
			t.Fatal(err)
		}
		client, err := c.Client()
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CoreV1().ConfigMaps("shop").Create(t.Context(), &corev1.ConfigMap{}, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), "before writing: list nodes: 401") || len(requests()) != 1 {
			t.Errorf("got %v after requests %v, want status 401 after 1 request", err, requests())
		}
	})
}
