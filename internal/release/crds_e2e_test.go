//go:build e2e

package release

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// Only a real API server merges managed fields and publishes a kind in its discovery.
func TestClient_DefinitionsE2E(t *testing.T) {
	e := newE2E(t, "release-definitions")
	definition := func() dynamic.ResourceInterface {
		o := unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}}
		resource, err := e.drift.ResourceFor(o)
		if err != nil {
			t.Fatal(err)
		}
		return resource
	}
	t.Cleanup(func() {
		_ = definition().Delete(context.WithoutCancel(t.Context()), "widgets.example.com", metav1.DeleteOptions{})
	})
	spec := func(fields string) string { return "spec: {type: object, properties: {" + fields + "}}" }
	widgetOf := func(size string) string { return strings.Replace(widgetYAML, "size: 1", size, 1) }
	e.d = writeChart(t, chart.Desired{Chart: releasetest.CopyChart(t, "testdata/e2e")}, map[string]string{
		"crds/widgets.yaml": widgets("v1", spec("size: {type: integer}, color: {type: string}")), "templates/widget.yaml": widgetYAML,
	})
	e.observed(t, "CRD widgets.example.com is new")
	e.applied(t)
	e.observed(t, "")
	writeChart(t, e.d, map[string]string{"crds/widgets.yaml": widgets("v1", spec("size: {type: integer, maximum: 8}"))})
	e.observed(t, "CRD widgets.example.com changed")
	e.applied(t)
	e.observed(t, "")
	live, err := definition().Get(t.Context(), "widgets.example.com", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(live.Object, "spec", "versions")
	if _, found, _ := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", "color"); found {
		t.Error("got the removed property, want it gone")
	}
	t.Run("rejects an invalid resource before it writes", func(t *testing.T) {
		d := writeChart(t, e.d, map[string]string{"templates/widget.yaml": widgetOf("size: 9")})
		revision, err := e.Apply(t.Context(), d, &recorder{})
		if fault.ClassOf(err) != fault.Apply || revision != 0 || !strings.Contains(err.Error(), "spec.size") {
			t.Errorf("got revision %d, %v, want the rejected field", revision, err)
		}
		writeChart(t, e.d, map[string]string{"templates/widget.yaml": widgetOf("size: 2")})
		e.applied(t)
	})
	t.Run("rejects a definition without its stored version", func(t *testing.T) {
		d := writeChart(t, e.d, map[string]string{"crds/widgets.yaml": widgets("v2", spec("size: {type: integer}"))})
		if _, err := e.Observe(t.Context(), d); fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "storedVersions") {
			t.Errorf("got %v, want the stored version", err)
		}
		writeChart(t, e.d, map[string]string{"crds/widgets.yaml": widgets("v1", spec("size: {type: integer, maximum: 8}"))})
	})
	t.Run("restores a deleted definition", func(t *testing.T) {
		if err := definition().Delete(t.Context(), "widgets.example.com", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			_, err := definition().Get(ctx, "widgets.example.com", metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		e.applied(t)
		e.observed(t, "")
	})
}
