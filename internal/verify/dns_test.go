package verify

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

func configMapHook(name string) hooks.Hook {
	return hooks.Hook{Name: name, Resource: corev1.SchemeGroupVersion.WithResource("configmaps"), Object: unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "app"},
	}}}
}

func TestRunner_awaitDNS(t *testing.T) {
	t.Parallel()
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: "kube-system"}}
	endpoints := func(ready bool) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: "kube-dns-x", Namespace: "kube-system", Labels: map[string]string{"kubernetes.io/service-name": "kube-dns"}},
			Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.244.0.2"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(ready)}}},
		}
	}
	tests := map[string]struct {
		objects    []runtime.Object
		readyAfter time.Duration // 0: never
		want       time.Duration
	}{
		"no Service of that name": {nil, 0, 0},
		"ready":                   {[]runtime.Object{service, endpoints(true)}, 0, 0},
		"becomes ready":           {[]runtime.Object{service, endpoints(false)}, 700 * time.Millisecond, 800 * time.Millisecond},
		"never becomes ready":     {[]runtime.Object{service}, 0, 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := (&podstest.Kubelet{}).Cluster(t, tt.objects...)
				if tt.readyAfter > 0 {
					time.AfterFunc(tt.readyAfter, func() {
						slices := client.DiscoveryV1().EndpointSlices("kube-system")
						if _, err := slices.Update(t.Context(), endpoints(true), metav1.UpdateOptions{}); err != nil {
							t.Error(err)
						}
					})
				}
				options := optionsFor(client)
				options.Objects = podstest.Dynamic(client)
				start := time.Now()
				if err := New(options).Verify(t.Context(), nil, []hooks.Hook{configMapHook("script")}, event.Discard); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != tt.want {
					t.Errorf("created the hook after %s, want %s", took, tt.want)
				}
			})
		})
	}
}
