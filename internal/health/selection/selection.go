// Package selection selects the workloads of a manifest.
package selection

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"

	"tkdeploy.dev/tkdeploy/internal/health"
)

var groups = map[health.Kind]string{
	health.Deployment: "apps", health.StatefulSet: "apps", health.DaemonSet: "apps", health.ReplicaSet: "apps",
	health.Job: "batch", health.ReplicationController: "", health.Pod: "",
}

// Selection is what a manifest contains for a rollout.
type Selection struct {
	Objects   []health.Object        // the workloads, sorted by namespace, kind and name
	Suspended map[health.Object]bool // Jobs that the chart suspends, Deployments that it pauses
	Scheduled []string               // CronJobs, which are not judged: "CronJob backup"
}

// Of selects the workloads among objects. Objects of a known kind without a namespace
// are in defaultNamespace.
func Of(objects []unstructured.Unstructured, defaultNamespace string) Selection {
	s := Selection{Suspended: map[health.Object]bool{}}
	for _, u := range objects {
		gvk := u.GroupVersionKind()
		o := health.Object{Kind: health.Kind(gvk.Kind), Namespace: cmp.Or(u.GetNamespace(), defaultNamespace), Name: u.GetName()}
		group, known := groups[o.Kind]
		switch {
		case isCustom(gvk.Group):
			o.Kind, o.Namespace = health.Kind(gvk.GroupKind().String()), u.GetNamespace()
			s.Objects = append(s.Objects, o)
		case gvk.Group == "batch" && gvk.Kind == "CronJob":
			s.Scheduled = append(s.Scheduled, "CronJob "+u.GetName())
		case known && gvk.Group == group:
			s.Objects = append(s.Objects, o)
			key := map[health.Kind]string{health.Job: "suspend", health.Deployment: "paused"}[o.Kind]
			if off, _, _ := unstructured.NestedBool(u.Object, "spec", key); off {
				s.Suspended[o] = true
			}
		}
	}
	slices.SortFunc(s.Objects, health.CompareObjects)
	s.Objects = slices.Compact(s.Objects)
	return s
}

// isCustom reports whether a group is none of Kubernetes' own. Definitions of custom
// resources are part of applying a release.
func isCustom(group string) bool {
	return !scheme.Scheme.IsGroupRegistered(group) && group != "apiextensions.k8s.io"
}
