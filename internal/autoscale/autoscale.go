// Package autoscale recognizes who has scaled a workload.
package autoscale

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HasScaled reports whether an autoscaler that is no HorizontalPodAutoscaler has written
// the replicas of an object, such as KEDA, which scales to 0 itself. People use the same
// subresource: kubectl scale does not count.
func HasScaled(fields []metav1.ManagedFieldsEntry) bool {
	return slices.ContainsFunc(fields, func(entry metav1.ManagedFieldsEntry) bool {
		manager := strings.ToLower(entry.Manager)
		return entry.Subresource == "scale" && (strings.Contains(manager, "keda") || strings.Contains(manager, "autoscal"))
	})
}
