package release

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// withClaimDefaults is a StatefulSet with what the API server fills into its volume
// claims (pkg/apis/apps/v1/defaults.go and pkg/apis/core/v1/defaults.go, Kubernetes
// 1.37). A patch has their list as a whole or not at all, so that each look would
// need a dry run to find no difference.
func withClaimDefaults(o unstructured.Unstructured) unstructured.Unstructured {
	claims, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
	if o.GetKind() != "StatefulSet" || len(claims) == 0 {
		return o
	}
	for _, claim := range claims {
		content, ok := claim.(map[string]any)
		if !ok {
			return o
		}
		for path, value := range map[string]string{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec.volumeMode": "Filesystem", "status.phase": "Pending"} {
			fields := strings.Split(path, ".")
			if lookup(content, fields) == nil && unstructured.SetNestedField(content, value, fields...) != nil {
				return o
			}
		}
	}
	o = *o.DeepCopy()
	if unstructured.SetNestedSlice(o.Object, claims, "spec", "volumeClaimTemplates") != nil {
		return o
	}
	return o
}
