package release

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const (
	widgetsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
	widgetPath  = "/apis/example.com/v1/namespaces/shop/widgets/one"

	widgetYAML = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: 1}\n"
)

// widgets returns a definition with properties such as "size: {type: integer}".
func widgets(version string, properties ...string) string {
	return "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n" +
		"spec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: widgets, kind: Widget}\n  versions:\n" +
		"    - {name: " + version + ", served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {" + strings.Join(properties, ", ") + "}}}}\n"
}

// writeChart writes files to a copy of the shop's chart, and removes those without text.
func writeChart(t *testing.T, d chart.Desired, files map[string]string) chart.Desired {
	t.Helper()
	if d.Chart == shopChart {
		d.Chart = releasetest.CopyChart(t, shopChart)
	}
	for name, text := range files {
		path := filepath.Join(d.Chart, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			_ = os.Remove(path)
		} else if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (r *recorder) items(prefix string) []string {
	var found []string
	for _, e := range r.events {
		if e.Kind == event.ItemFinished && strings.HasPrefix(e.Item, prefix) {
			found = append(found, e.Item+" "+e.Message)
		}
	}
	return found
}

func TestClient_ApplyDefinitions(t *testing.T) {
	t.Parallel()
	t.Run("applies definitions before resources of their kind", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}"), "templates/widget.yaml": widgetYAML})
		if o := mustObserve(t, c, d); o.Reason != "no release yet; CRD widgets.example.com is new" {
			t.Errorf("got reason %q, want the new definition", o.Reason)
		}
		if got := server.Paths(); len(got) > 0 {
			t.Fatalf("got %q after an observation, want nothing written", got)
		}
		_, r := mustApply(t, c, d)
		if got := r.items("CRD"); !slices.Equal(got, []string{"CRD widgets.example.com created"}) {
			t.Errorf("got items %q, want the created definition", got)
		}
		if server.Get(widgetPath) == nil || server.Get(widgetsPath) == nil {
			t.Errorf("got %q, want the definition and its resource", server.Paths())
		}
		if o := mustObserve(t, newClient(t, server, Options{}), d); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
	})
	t.Run("applies a changed definition once", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}")})
		mustApply(t, c, d)
		writeChart(t, d, map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}", "color: {}")})
		if o := mustObserve(t, c, d); o.Reason != "chart changed: crds/widgets.yaml; CRD widgets.example.com changed" {
			t.Errorf("got reason %q, want the changed definition", o.Reason)
		}
		if revision, r := mustApply(t, c, d); revision != 2 || !slices.Equal(r.items("CRD"), []string{"CRD widgets.example.com changed"}) {
			t.Errorf("got revision %d with items %q, want 2 and the changed definition", revision, r.items("CRD"))
		}
		server.TakeWrites()
		if revision, _ := mustApply(t, c, d); revision != 2 || len(server.TakeWrites()) > 0 {
			t.Errorf("got revision %d, want no change", revision)
		}
	})
	t.Run("adds a definition and its resource to a release", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), nil)
		mustApply(t, c, d)
		writeChart(t, d, map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}"), "templates/widget.yaml": widgetYAML})
		if revision, _ := mustApply(t, c, d); revision != 2 || server.Get(widgetPath) == nil {
			t.Errorf("got revision %d and %q, want 2 with the resource", revision, server.Paths())
		}
	})
	t.Run("restores a definition that was deleted", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}"), "templates/widget.yaml": widgetYAML})
		mustApply(t, newClient(t, server, Options{}), d)
		server.Remove(widgetsPath)
		server.Remove(widgetPath)
		c := newClient(t, server, Options{})
		if o := mustObserve(t, c, d); o.Reason != "Widget one is missing; CRD widgets.example.com is new" {
			t.Errorf("got reason %q, want what is missing", o.Reason)
		}
		if mustApply(t, c, d); server.Get(widgetPath) == nil {
			t.Errorf("got %q, want the resource", server.Paths())
		}
	})
	t.Run("keeps a definition whose file is removed, and warns", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}")})
		mustApply(t, c, d)
		writeChart(t, d, map[string]string{"crds/widgets.yaml": ""})
		_, r := mustApply(t, c, d)
		if got := r.warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "CRD widgets.example.com is no longer in the chart's folder crds/, but is kept") {
			t.Errorf("got warnings %q, want that it is kept", got)
		}
		if _, err := c.Rollback(t.Context(), 1, &recorder{}); err != nil {
			t.Fatal(err)
		}
		if err := c.Uninstall(t.Context(), &recorder{}); err != nil {
			t.Fatal(err)
		}
		if server.Get(widgetsPath) == nil {
			t.Error("got no definition after a rollback and an uninstall, want it kept")
		}
	})
	t.Run("writes nothing if a definition is rejected", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}")})
		mustApply(t, c, d)
		server.TakeWrites()
		writeChart(t, d, map[string]string{"crds/widgets.yaml": widgets("v2", "size: {}"), "values.yaml": "{}\n"})
		_, err := c.Apply(t.Context(), d, &recorder{})
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "CRD widgets.example.com: ") || !strings.Contains(err.Error(), "storedVersions") {
			t.Errorf("got %v of class %q, want the rejected definition", err, fault.ClassOf(err))
		}
		if got := server.TakeWrites(); len(got) > 0 {
			t.Errorf("got writes %q, want none", got)
		}
	})
	t.Run("leaves the definition of another release alone", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}")})
		mustApply(t, c, d)
		server.Set(t, widgetsPath, func(o map[string]any) {
			o["metadata"].(map[string]any)["annotations"] = map[string]any{"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "tools"}
		})
		writeChart(t, d, map[string]string{"crds/widgets.yaml": widgets("v1", "color: {}")})
		server.TakeWrites()
		_, r := mustApply(t, c, d)
		if got := r.warnings(); len(got) != 1 || got[0] != "CRD widgets.example.com belongs to release tools/other and is kept as it is" {
			t.Errorf("got warnings %q, want the other release", got)
		}
		if slices.Contains(server.TakeWrites(), "PATCH "+widgetsPath) {
			t.Error("got a change of the definition, want none")
		}
		writeChart(t, d, map[string]string{"crds/widgets.yaml": widgets("v2", "size: {}")}) // the API server would reject it
		if _, r := mustApply(t, c, d); len(r.warnings()) != 1 {
			t.Errorf("got warnings %q, want the other release", r.warnings())
		}
		if o := mustObserve(t, c, d); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
	})
}

func TestClient_ApplyDefinitionInTemplates(t *testing.T) {
	t.Parallel()
	t.Run("hints at crds/ if the chart uses its own kind", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := writeChart(t, shop(), map[string]string{"templates/crd.yaml": widgets("v1", "size: {}"), "templates/widget.yaml": widgetYAML})
		_, err := c.Apply(t.Context(), d, &recorder{})
		if fault.ClassOf(err) != fault.Apply || !strings.HasPrefix(fault.HintOf(err), "move CRD widgets.example.com from templates/ to the chart's folder crds/") {
			t.Errorf("got %v with hint %q, want a hint at crds/", err, fault.HintOf(err))
		}
	})
	t.Run("hints at a missing operator", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, releasetest.NewServer(t), Options{})
		_, err := c.Apply(t.Context(), writeChart(t, shop(), map[string]string{"templates/widget.yaml": widgetYAML}), &recorder{})
		if !strings.HasPrefix(fault.HintOf(err), "install the operator that defines this kind first") {
			t.Errorf("got %v with hint %q, want a hint at the operator", err, fault.HintOf(err))
		}
	})

	withDefinition := func(t *testing.T) (*releasetest.Server, *Client, chart.Desired) {
		t.Helper()
		server := releasetest.NewServer(t)
		d := writeChart(t, shop(), map[string]string{"templates/crd.yaml": widgets("v1", "size: {}")})
		mustApply(t, newClient(t, server, Options{}), d)
		return server, newClient(t, server, Options{}), d
	}
	foreign := map[string]any{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "theirs", "namespace": "other"}}
	put := func(server *releasetest.Server) { server.Put("/apis/example.com/v1/widgets/theirs", foreign) }

	t.Run("deletes no definition with resources of others", func(t *testing.T) {
		t.Parallel()
		server, c, d := withDefinition(t)
		put(server)
		writeChart(t, d, map[string]string{"templates/crd.yaml": ""})
		_, err := c.Apply(t.Context(), d, &recorder{})
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "resources of others: Widget other/theirs") || server.Get(widgetsPath) == nil {
			t.Errorf("got %v, want a refusal that names the resource", err)
		}
		server.Set(t, widgetsPath, func(o map[string]any) {
			o["metadata"].(map[string]any)["annotations"].(map[string]any)["helm.sh/resource-policy"] = "keep"
		})
		if mustApply(t, c, d); server.Get(widgetsPath) == nil {
			t.Error("got no definition although it is annotated, want it kept")
		}
	})
	t.Run("deletes a definition without resources", func(t *testing.T) {
		t.Parallel()
		server, c, d := withDefinition(t)
		writeChart(t, d, map[string]string{"templates/crd.yaml": ""})
		if mustApply(t, c, d); server.Get(widgetsPath) != nil {
			t.Error("got the definition, want it deleted")
		}
	})
	t.Run("keeps a definition that moves to crds/", func(t *testing.T) {
		t.Parallel()
		server, c, d := withDefinition(t)
		put(server)
		writeChart(t, d, map[string]string{"templates/crd.yaml": "", "crds/widgets.yaml": widgets("v1", "size: {}")})
		if mustApply(t, c, d); server.Get(widgetsPath) == nil {
			t.Error("got no definition, want it kept")
		}
		if o := mustObserve(t, newClient(t, server, Options{}), d); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
	})
}

func TestClient_ApplyCustomResource(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := writeChart(t, shop(), map[string]string{"crds/widgets.yaml": widgets("v1", "size: {}"), "templates/widget.yaml": widgetYAML})
	mustApply(t, c, d)
	server.TakeWrites()
	t.Run("changes nothing if the API server rejects the custom resource", func(t *testing.T) {
		writeChart(t, d, map[string]string{"templates/widget.yaml": strings.Replace(widgetYAML, "size: 1", "size: 9", 1), "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n"})
		_, err := c.Apply(t.Context(), d, &recorder{})
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "Widget one: changing spec.size: ") {
			t.Errorf("got %v, want the rejected field", err)
		}
		if got := server.TakeWrites(); len(got) > 0 {
			t.Errorf("got writes %q, want none", got)
		}
	})
	t.Run("applies a valid change", func(t *testing.T) {
		writeChart(t, d, map[string]string{"templates/widget.yaml": strings.Replace(widgetYAML, "size: 1", "size: 2", 1)})
		mustApply(t, c, d)
		if got, _, _ := unstructured.NestedFieldNoCopy(server.Get(widgetPath), "spec", "size"); got != float64(2) {
			t.Errorf("got size %v, want 2", got)
		}
	})
	t.Run("checks a resource that the last revision did not have", func(t *testing.T) {
		writeChart(t, d, map[string]string{"templates/widget.yaml": strings.Replace(widgetYAML, "name: one", "name: one, annotations: {helm.sh/resource-policy: keep}", 1)})
		mustApply(t, c, d)
		writeChart(t, d, map[string]string{"templates/widget.yaml": ""})
		mustApply(t, c, d)
		server.TakeWrites()
		writeChart(t, d, map[string]string{"templates/widget.yaml": strings.Replace(widgetYAML, "size: 1", "size: 9", 1)})
		if _, err := c.Apply(t.Context(), d, &recorder{}); fault.ClassOf(err) != fault.Apply || len(server.TakeWrites()) > 0 {
			t.Errorf("got %v, want the rejected resource and no write", err)
		}
	})
}
