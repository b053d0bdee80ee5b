package health

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var web = Object{Deployment, "shop", "web"}

func TestWorkloads(t *testing.T) {
	t.Parallel()
	object := func(version, kind, namespace, name string) unstructured.Unstructured {
		u := unstructured.Unstructured{Object: map[string]any{}}
		u.SetAPIVersion(version)
		u.SetKind(kind)
		u.SetNamespace(namespace)
		u.SetName(name)
		return u
	}
	got := Workloads([]unstructured.Unstructured{
		object("apps/v1", "StatefulSet", "", "db"),
		object("v1", "Service", "", "db"),
		object("example.com/v1", "Deployment", "", "not-ours"),
		object("batch/v1", "Job", "tools", "migrate"),
		object("apps/v1", "Deployment", "shop", "web"),
		object("apps/v1", "Deployment", "", "web"),
	}, "shop")
	want := []Object{{Deployment, "shop", "web"}, {StatefulSet, "shop", "db"}, {Job, "tools", "migrate"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workloads (-want +got):\n%s", diff)
	}
}
