package health

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Kind is the kind of a workload: of a custom resource with its group, as in
// "Certificate.cert-manager.io".
type Kind string

// The kinds of workloads besides custom resources.
const (
	Deployment            Kind = "Deployment"
	StatefulSet           Kind = "StatefulSet"
	DaemonSet             Kind = "DaemonSet"
	Job                   Kind = "Job"
	ReplicaSet            Kind = "ReplicaSet"
	ReplicationController Kind = "ReplicationController"
	Pod                   Kind = "Pod"
)

// Custom returns the kind and the group of a custom resource.
func (k Kind) Custom() (kind schema.GroupKind, ok bool) {
	kind = schema.ParseGroupKind(string(k))
	return kind, kind.Group != ""
}

// Object identifies a workload.
type Object struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace"` // empty for a custom resource of the cluster
	Name      string `json:"name"`
}

func (o Object) String() string {
	if o.Namespace == "" {
		return string(o.Kind) + " " + o.Name
	}
	return string(o.Kind) + " " + o.Namespace + "/" + o.Name
}

// CompareObjects orders objects by namespace, kind and name.
func CompareObjects(a, b Object) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

// Snapshot holds workloads and the objects that explain their state. The objects
// must not be changed.
type Snapshot struct {
	Objects []Object // to diagnose
	Others  []Object // workloads that may heal problems of Objects

	Deployments  []*appsv1.Deployment
	ReplicaSets  []*appsv1.ReplicaSet
	StatefulSets []*appsv1.StatefulSet
	DaemonSets   []*appsv1.DaemonSet
	Jobs         []*batchv1.Job
	Controllers  []*corev1.ReplicationController
	Custom       []*unstructured.Unstructured
	Pods         []*corev1.Pod
	Events       []*corev1.Event
	Claims       []*corev1.PersistentVolumeClaim
	Nodes        []*corev1.Node

	Suspended map[Object]bool // Jobs that the manifest suspends, Deployments that it pauses
	HasStatus map[Kind]bool   // kinds of custom resources with a status

	// Started is when the wait began. Causes with older evidence get
	// [Thresholds.StaleGrace]; if Started is zero, none do.
	Started time.Time

	// Unready is when a workload that is no custom resource was last not ready, or
	// zero. Until then, the controllers of custom resources may have been starting.
	Unready time.Time

	// Listening is since when pods are known to listen on a port that they declare.
	Listening map[types.UID]time.Time

	// ignoredRestarts is set by [Baseline.Apply], by restartKey.
	ignoredRestarts map[string]int32

	// lastEnding is when a terminating pod was last seen. [Baseline.Apply] sets it.
	lastEnding time.Time
}

// Add adds o to the list of its kind and ignores other kinds.
func (s *Snapshot) Add(o runtime.Object) {
	switch o := o.(type) {
	case *appsv1.Deployment:
		s.Deployments = append(s.Deployments, o)
	case *appsv1.ReplicaSet:
		s.ReplicaSets = append(s.ReplicaSets, o)
	case *appsv1.StatefulSet:
		s.StatefulSets = append(s.StatefulSets, o)
	case *appsv1.DaemonSet:
		s.DaemonSets = append(s.DaemonSets, o)
	case *batchv1.Job:
		s.Jobs = append(s.Jobs, o)
	case *corev1.ReplicationController:
		s.Controllers = append(s.Controllers, o)
	case *unstructured.Unstructured:
		s.Custom = append(s.Custom, o)
	case *corev1.Pod:
		s.Pods = append(s.Pods, o)
	case *corev1.Event:
		s.Events = append(s.Events, o)
	case *corev1.PersistentVolumeClaim:
		s.Claims = append(s.Claims, o)
	case *corev1.Node:
		s.Nodes = append(s.Nodes, o)
	}
}

// Sort sorts the lists whose order affects a diagnosis.
func (s *Snapshot) Sort() {
	slices.SortFunc(s.Pods, byName)
	slices.SortFunc(s.ReplicaSets, byName)
	slices.SortFunc(s.Events, byName)
	slices.SortFunc(s.Nodes, byName)
}

func byName[T metav1.Object](a, b T) int { return cmp.Compare(a.GetName(), b.GetName()) }
