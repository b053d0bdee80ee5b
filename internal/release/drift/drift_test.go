package drift

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
	"tkdeploy.dev/tkdeploy/internal/release/kubeclient"
)

const (
	shopChart      = "../chart/testdata/chart"
	deploymentPath = "/apis/apps/v1/namespaces/shop/deployments/auth-service"
)

const moreObjects = `---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: app, image: "store:1"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {LEVEL: debug}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {LEVEL: info}
`

// deployed stores the objects of the test chart and of more as Helm applies them.
func deployed(t *testing.T, server *releasetest.Server, more string) (*Client, *release.Release) {
	t.Helper()
	rendered, err := chart.Render(chart.Desired{Name: "shop", Namespace: "shop", Chart: shopChart})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, server)
	rel := &release.Release{Version: 1, Manifest: rendered.Manifest + more}
	objects, err := chart.Objects(rel.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		resource, err := c.ResourceFor(o)
		if err != nil {
			t.Fatal(err)
		}
		o = c.withOwnership(o)
		if _, err := resource.Create(t.Context(), &o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return c, rel
}

func newClient(t *testing.T, server *releasetest.Server) *Client {
	t.Helper()
	config := &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	live, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	getter, err := kubeclient.NewGetter(config, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return &Client{Kube: kube, Live: live, Mapper: getter.Mapper, Namespace: "shop", Name: "shop"}
}

func expect(t *testing.T, c *Client, rel *release.Release, want string) {
	t.Helper()
	got, err := c.Compare(t.Context(), rel)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "; ") != want {
		t.Errorf("got differences %q, want %q", got, want)
	}
}

func TestClient_CompareRequests(t *testing.T) {
	t.Parallel()
	const configMaps = "/api/v1/namespaces/shop/configmaps"
	byName := []string{"GET " + configMaps + "/one", "GET " + configMaps + "/shop-config", "GET " + configMaps + "/two"}
	for name, test := range map[string]struct {
		change   func(t *testing.T, s *releasetest.Server)
		deny     bool // the list request
		want     string
		requests []string
	}{
		"no change":   {nil, false, "", []string{"GET " + configMaps}},
		"list denied": {nil, true, "", append([]string{"GET " + configMaps}, byName...)},
		"changed object": {func(t *testing.T, s *releasetest.Server) {
			t.Helper()
			s.Set(t, configMaps+"/two", func(o map[string]any) { o["data"] = map[string]any{"LEVEL": "debug"} })
		}, false, "ConfigMap two: data.LEVEL", []string{"GET " + configMaps, "PATCH " + configMaps + "/two"}},
		"missing object": {func(_ *testing.T, s *releasetest.Server) { s.Remove(configMaps + "/two") },
			false, "ConfigMap two is missing", []string{"GET " + configMaps, "GET " + configMaps + "/two"}},
		"object without the label of Helm": {func(t *testing.T, s *releasetest.Server) {
			t.Helper()
			s.Set(t, configMaps+"/two", func(o map[string]any) { delete(o["metadata"].(map[string]any), "labels") })
		}, false, "ConfigMap two: metadata.labels.app.kubernetes.io/managed-by", []string{"GET " + configMaps, "GET " + configMaps + "/two", "PATCH " + configMaps + "/two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := releasetest.NewServer(t)
			c, rel := deployed(t, server, moreObjects)
			if test.change != nil {
				test.change(t, server)
			}
			var mu sync.Mutex
			var requests []string
			server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasPrefix(r.URL.Path, configMaps) || r.Method == http.MethodPatch && r.URL.Path != deploymentPath {
					requests = append(requests, r.Method+" "+r.URL.Path)
				}
				if test.deny && r.URL.Path == configMaps {
					code, body := releasetest.Status(403, "Forbidden", "you may not list")
					releasetest.Respond(w, code, body)
					return true
				}
				return false
			})
			expect(t, c, rel, test.want)
			slices.Sort(requests)
			if diff := cmp.Diff(test.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClient_Compare(t *testing.T) {
	t.Parallel()
	t.Run("ignores fields of others", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c, rel := deployed(t, server, "")
		server.Set(t, deploymentPath, func(o map[string]any) {
			o["metadata"].(map[string]any)["annotations"].(map[string]any)["team"] = "blue"
			o["status"] = map[string]any{"readyReplicas": 2}
		})
		expect(t, c, rel, "")
	})

	t.Run("ignores concurrent writes of a controller", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c, rel := deployed(t, server, "")
		server.Set(t, deploymentPath, func(o map[string]any) { // so that there is a patch to try
			o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"] = "other:9"
		})
		// The controller writes between the read and the dry run.
		wrote := false
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch && !wrote && r.URL.Path == deploymentPath {
				wrote = true
				server.Set(t, deploymentPath, func(o map[string]any) {
					metadata := o["metadata"].(map[string]any)
					metadata["resourceVersion"] = "next"
					metadata["annotations"].(map[string]any)["deployment.kubernetes.io/revision"] = "2"
				})
			}
			return false
		})
		expect(t, c, rel, "Deployment auth-service: spec.template.spec.containers[0].image other:9, desired shop-auth:1")
		if !wrote {
			t.Error("got no dry run, want one")
		}
	})
}
