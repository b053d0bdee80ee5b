package drift

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// withClaimDefaults sets the API server's defaults for volume claims
// (pkg/apis/apps/v1/defaults.go and pkg/apis/core/v1/defaults.go, Kubernetes 1.37). A
// patch contains their whole list, so every comparison would otherwise need a dry run.
func withClaimDefaults(o unstructured.Unstructured) unstructured.Unstructured {
	if o.GetKind() != "StatefulSet" {
		return o
	}
	o = *o.DeepCopy()
	claims, _ := chart.Lookup(o.Object, []string{"spec", "volumeClaimTemplates"}).([]any)
	for _, claim := range claims {
		content, ok := claim.(map[string]any)
		for path, value := range map[string]string{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec.volumeMode": "Filesystem", "status.phase": "Pending"} {
			if fields := strings.Split(path, "."); ok && chart.Lookup(content, fields) == nil {
				_ = unstructured.SetNestedField(content, value, fields...) // the API server reports it
			}
		}
	}
	return o
}
