package health

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Kind is a kind of workload that the package can wait for.
type Kind string

// The kinds.
const (
	Deployment  Kind = "Deployment"
	StatefulSet Kind = "StatefulSet"
	DaemonSet   Kind = "DaemonSet"
	Job         Kind = "Job"
)

// groups are the API groups of the kinds.
var groups = map[Kind]string{Deployment: "apps", StatefulSet: "apps", DaemonSet: "apps", Job: "batch"}

// An Object names a workload.
type Object struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (o Object) String() string { return string(o.Kind) + " " + o.Namespace + "/" + o.Name }

// Workloads picks the workloads out of rendered objects, ordered by namespace,
// kind and name. Objects of other kinds are left out; an object without a
// namespace is taken to be in defaultNamespace.
func Workloads(objects []unstructured.Unstructured, defaultNamespace string) []Object {
	var found []Object
	for _, u := range objects {
		kind := Kind(u.GetKind())
		if group, ok := groups[kind]; !ok || u.GroupVersionKind().Group != group {
			continue
		}
		found = append(found, Object{kind, cmp.Or(u.GetNamespace(), defaultNamespace), u.GetName()})
	}
	slices.SortFunc(found, compareObjects)
	return slices.Compact(found)
}

func compareObjects(a, b Object) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}
