// Package mention finds references between workloads.
package mention

import (
	"regexp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Host reports whether the containers of a pod address name as a host: in their
// environment, command or arguments. Values from ConfigMaps and Secrets are not
// known.
func Host(spec corev1.PodSpec, name string) bool {
	name = regexp.QuoteMeta(name) + `(\.[a-z0-9.-]+)?`
	address := regexp.MustCompile(`(//|@)` + name + `($|[^a-z0-9-])|(^|[^a-z0-9.-])` + name + `:\d`)
	alone := regexp.MustCompile(`^` + name + `$`)
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if slices.ContainsFunc(slices.Concat(c.Command, c.Args), address.MatchString) {
			return true
		}
		for _, e := range c.Env {
			if alone.MatchString(e.Value) || address.MatchString(e.Value) {
				return true
			}
		}
	}
	return false
}

// PodSpec returns the pod template of a workload. It is empty for other objects.
func PodSpec(workload metav1.Object) corev1.PodSpec {
	switch w := workload.(type) {
	case *appsv1.Deployment:
		return w.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return w.Spec.Template.Spec
	case *appsv1.DaemonSet:
		return w.Spec.Template.Spec
	case *batchv1.Job:
		return w.Spec.Template.Spec
	case *appsv1.ReplicaSet:
		return w.Spec.Template.Spec
	case *corev1.ReplicationController:
		return ptr.Deref(w.Spec.Template, corev1.PodTemplateSpec{}).Spec
	case *corev1.Pod:
		return w.Spec
	}
	return corev1.PodSpec{}
}
