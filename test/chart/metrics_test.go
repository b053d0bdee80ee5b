package chart_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestMetricsServer(t *testing.T) {
	t.Parallel()
	t.Run("is installed only in kind clusters", func(t *testing.T) {
		t.Parallel()
		for _, environment := range []string{"default", "prod"} {
			for id, o := range render(t, environment) {
				if o.GetLabels()["app.kubernetes.io/component"] == "metrics" {
					t.Errorf("%s: got %s, want no metrics server", environment, id)
				}
			}
		}
	})

	t.Run("is registered with the API server", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev")
		spec := get[*unstructured.Unstructured](t, s, "APIService v1beta1.metrics.k8s.io").Object["spec"].(map[string]any)
		to := spec["service"].(map[string]any)
		if spec["group"] != "metrics.k8s.io" || spec["version"] != "v1beta1" || to["namespace"] != namespace {
			t.Errorf("got APIService %v, want metrics.k8s.io/v1beta1 in %s", spec, namespace)
		}
		service := get[*corev1.Service](t, s, "Service "+to["name"].(string)).Spec
		if int64(service.Ports[0].Port) != to["port"] {
			t.Errorf("got APIService port %v, want one of the Service: %v", to["port"], service.Ports)
		}
		if !allowed(s, outside, pod("metrics-server"), 10250) || !allowed(s, pod("metrics-server"), outside, 10250) {
			t.Error("the policy blocks connections from the API server or to the kubelets")
		}
	})

	t.Run("accepts unverified kubelets only if configured", func(t *testing.T) {
		t.Parallel()
		for _, given := range []string{"true", "false"} {
			s := render(t, "default", "metricsServer.enabled=true", "metricsServer.kubeletInsecureTLS="+given)
			args := get[*appsv1.Deployment](t, s, "Deployment metrics-server").Spec.Template.Spec.Containers[0].Args
			if insecure := slices.Contains(args, "--kubelet-insecure-tls"); insecure != (given == "true") {
				t.Errorf("kubeletInsecureTLS=%s: got arguments %q", given, args)
			}
		}
	})

	t.Run("roles are bound only to its ServiceAccount", func(t *testing.T) {
		t.Parallel()
		for id, o := range render(t, "dev") {
			var subjects []rbacv1.Subject
			switch o := o.(type) {
			case *rbacv1.ClusterRoleBinding:
				subjects = o.Subjects
			case *rbacv1.RoleBinding:
				subjects = o.Subjects
			default:
				continue
			}
			want := []rbacv1.Subject{{Kind: "ServiceAccount", Name: "metrics-server", Namespace: namespace}}
			if !slices.Equal(subjects, want) {
				t.Errorf("%s: got subjects %v, want %v", id, subjects, want)
			}
		}
	})
}
