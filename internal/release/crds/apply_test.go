package crds

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com, creationTimestamp: null}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
    - {name: v1, served: true, storage: true}
    - {name: v0, served: false, storage: false}
status: {conditions: [], storedVersions: []}
`

func newClient(t *testing.T, server *releasetest.Server) *Client {
	t.Helper()
	config := &rest.Config{Host: server.URL}
	live, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	return &Client{Drift: &drift.Client{Live: live, Mapper: mapper, Namespace: "shop", Name: "shop"}}
}

func definitions(t *testing.T) []unstructured.Unstructured {
	t.Helper()
	objects, err := chart.Objects(widgets)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func condition(kind, status, message string) map[string]any {
	return map[string]any{"type": kind, "status": status, "message": message}
}

func TestClient_Apply(t *testing.T) {
	t.Parallel()
	// respondTo answers reads of the definition with conditions, after the first that finds none.
	respondTo := func(server *releasetest.Server, conditions func(read int) []any) *int {
		reads := 0
		server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			stored := server.Get(r.URL.Path)
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/widgets.example.com") || stored == nil {
				return false
			}
			reads++
			copied := (&unstructured.Unstructured{Object: stored}).DeepCopy()
			copied.Object["status"] = map[string]any{"conditions": conditions(reads)}
			releasetest.Respond(w, 200, copied.Object)
			return true
		})
		return &reads
	}
	apply := func(t *testing.T, server *releasetest.Server) error {
		t.Helper()
		c := newClient(t, server)
		changes, err := c.Diff(t.Context(), definitions(t))
		if err != nil || len(changes) != 1 || !changes[0].New {
			t.Fatalf("got %v, %v, want one new definition", changes, err)
		}
		return c.Apply(t.Context(), changes, event.ReporterFunc(func(event.Event) {}))
	}
	t.Run("waits until the definition is established", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		reads := respondTo(server, func(read int) []any {
			if read < 3 {
				return []any{condition("NamesAccepted", "True", ""), condition("Established", "False", "installing")}
			}
			return []any{condition("Established", "True", "")}
		})
		if err := apply(t, server); err != nil || *reads != 3 {
			t.Errorf("got %v after %d reads, want no error after 3", err, *reads)
		}
	})
	t.Run("fails at once if its names are taken", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		reads := respondTo(server, func(int) []any { return []any{condition("NamesAccepted", "False", `"widgets" is already in use`)} })
		err := apply(t, server)
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), `its names are not accepted: "widgets" is already in use`) || *reads != 1 {
			t.Errorf("got %v after %d reads, want the conflict after 1", err, *reads)
		}
	})
}

func TestClient_Diff(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server)
	changes, err := c.Diff(t.Context(), definitions(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), changes, event.ReporterFunc(func(event.Event) {})); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(o *unstructured.Unstructured)
		want   string
	}{
		"finds no change after an apply": {func(*unstructured.Unstructured) {}, ""},
		"ignores the status":             {func(o *unstructured.Unstructured) { o.Object["status"] = map[string]any{"storedVersions": []any{"v1"}} }, ""},
		"finds a changed spec": {func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "Cluster", "spec", "scope")
		}, "CRD widgets.example.com changed"},
		"finds a new label": {func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"app": "x"}) }, "CRD widgets.example.com changed"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := definitions(t)
			test.change(&objects[0])
			changes, err := c.Diff(t.Context(), objects)
			got := ""
			for _, change := range changes {
				got += change.String()
			}
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
