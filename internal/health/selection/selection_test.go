package selection

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestOf(t *testing.T) {
	t.Parallel()
	object := func(version, kind, namespace, name string) unstructured.Unstructured {
		u := unstructured.Unstructured{Object: map[string]any{}}
		u.SetAPIVersion(version)
		u.SetKind(kind)
		u.SetNamespace(namespace)
		u.SetName(name)
		return u
	}
	job := object("batch/v1", "Job", "tools", "migrate")
	job.Object["spec"] = map[string]any{"suspend": true}
	got := Of([]unstructured.Unstructured{
		object("apps/v1", "StatefulSet", "", "db"),
		object("v1", "Service", "", "db"),
		object("extensions/v1beta1", "Deployment", "", "not-ours"),
		job,
		object("apps/v1", "Deployment", "shop", "web"),
		object("apps/v1", "Deployment", "", "web"),
		object("v1", "Pod", "", "worker"),
		object("apps/v1", "ReplicaSet", "", "copy"),
		object("v1", "ReplicationController", "", "old"),
		object("batch/v1", "CronJob", "", "backup"),
		object("cert-manager.io/v1", "Certificate", "shop", "tls"),
		object("cert-manager.io/v1", "ClusterIssuer", "", "self"),
		object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "widgets.example.com"),
		object("rbac.authorization.k8s.io/v1", "Role", "", "reader"),
	}, "shop")
	want := Selection{
		Objects: []health.Object{
			{Kind: "ClusterIssuer.cert-manager.io", Namespace: "", Name: "self"},
			{Kind: "Certificate.cert-manager.io", Namespace: "shop", Name: "tls"}, {Kind: health.Deployment, Namespace: "shop", Name: "web"}, {Kind: health.Pod, Namespace: "shop", Name: "worker"},
			{Kind: health.ReplicaSet, Namespace: "shop", Name: "copy"}, {Kind: health.ReplicationController, Namespace: "shop", Name: "old"}, {Kind: health.StatefulSet, Namespace: "shop", Name: "db"},
			{Kind: health.Job, Namespace: "tools", Name: "migrate"},
		},
		Suspended: map[health.Object]bool{{Kind: health.Job, Namespace: "tools", Name: "migrate"}: true},
		Scheduled: []string{"CronJob backup"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("selection (-want +got):\n%s", diff)
	}
}
