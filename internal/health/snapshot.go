package health

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// A Snapshot is what the API server said about some workloads and everything
// that explains them. Its objects are shared and must not be changed.
type Snapshot struct {
	Objects []Object // the workloads to judge

	Deployments  []*appsv1.Deployment
	ReplicaSets  []*appsv1.ReplicaSet
	StatefulSets []*appsv1.StatefulSet
	DaemonSets   []*appsv1.DaemonSet
	Jobs         []*batchv1.Job
	Pods         []*corev1.Pod
	Events       []*corev1.Event
	Claims       []*corev1.PersistentVolumeClaim
	Nodes        []*corev1.Node

	// Started is when the wait began; what is older is not proof. Zero takes
	// all evidence as it is.
	Started time.Time

	// Restarts are the restarts that are no evidence (by [RestartKey]): those
	// before the wait, of pods that were not young then, and those up to
	// [Thresholds.Return] after a killed node came back. Only those since then count.
	Restarts map[string]int32
}

// RestartKey is the key of a container in [Snapshot.Restarts].
func RestartKey(pod *corev1.Pod, container string) string {
	return string(pod.UID) + "/" + container
}

// Add adds an object to the list of its kind. Objects of other kinds are ignored.
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

// Sort orders what is shown in an order of its own; the rest is looked up.
func (s *Snapshot) Sort() {
	slices.SortFunc(s.Pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.ReplicaSets, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Events, func(a, b *corev1.Event) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Nodes, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
}

// A view finds the objects of a snapshot by what they belong to.
type view struct {
	Snapshot
	workloads map[Object]metav1.Object
	sets      map[types.UID][]*appsv1.ReplicaSet // by owner
	pods      map[types.UID][]*corev1.Pod        // by owner
	events    map[types.UID][]*corev1.Event      // by the object that they are about
	claims    map[string]*corev1.PersistentVolumeClaim
	nodes     map[string]*corev1.Node
}

func newView(s Snapshot) *view {
	v := &view{
		Snapshot:  s,
		workloads: map[Object]metav1.Object{},
		sets:      map[types.UID][]*appsv1.ReplicaSet{},
		pods:      map[types.UID][]*corev1.Pod{},
		events:    map[types.UID][]*corev1.Event{},
		claims:    map[string]*corev1.PersistentVolumeClaim{},
		nodes:     map[string]*corev1.Node{},
	}
	index(v, Deployment, s.Deployments)
	index(v, StatefulSet, s.StatefulSets)
	index(v, DaemonSet, s.DaemonSets)
	index(v, Job, s.Jobs)
	byOwner(v.sets, s.ReplicaSets)
	byOwner(v.pods, s.Pods)
	for _, e := range s.Events {
		v.events[e.InvolvedObject.UID] = append(v.events[e.InvolvedObject.UID], e)
	}
	for _, c := range s.Claims {
		v.claims[c.Namespace+"/"+c.Name] = c
	}
	for _, n := range s.Nodes {
		v.nodes[n.Name] = n
	}
	return v
}

func index[T metav1.Object](v *view, kind Kind, objects []T) {
	for _, o := range objects {
		v.workloads[Object{kind, o.GetNamespace(), o.GetName()}] = o
	}
}

func byOwner[T metav1.Object](m map[types.UID][]T, objects []T) {
	for _, o := range objects {
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			m[owner.UID] = append(m[owner.UID], o)
		}
	}
}
