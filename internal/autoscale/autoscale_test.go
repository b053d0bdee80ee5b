package autoscale

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestHasScaled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		manager, subresource string
		want                 bool
	}{
		"KEDA":               {"keda-operator", "scale", true},
		"another autoscaler": {"Vertical-Autoscaler", "scale", true},
		"kubectl scale":      {"kubectl", "scale", false},
		"another field":      {"keda-operator", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := []metav1.ManagedFieldsEntry{{Manager: "helm"}, {Manager: tt.manager, Subresource: tt.subresource}}
			if got := HasScaled(fields); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}
