package health

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tkdeploy.dev/tkdeploy/internal/health/owners"
)

type index struct {
	snapshot  Snapshot
	workloads map[Object]metav1.Object
	owned     *owners.Index
	events    map[types.UID][]*corev1.Event            // by involved object
	claims    map[string]*corev1.PersistentVolumeClaim // by namespace/name
	nodes     map[string]*corev1.Node                  // by name
}

func newIndex(s Snapshot) *index {
	ix := &index{
		snapshot:  s,
		workloads: map[Object]metav1.Object{},
		owned:     owners.NewIndex(s.ReplicaSets, s.Pods),
		events:    map[types.UID][]*corev1.Event{},
		claims:    map[string]*corev1.PersistentVolumeClaim{},
		nodes:     map[string]*corev1.Node{},
	}
	addWorkloads(ix.workloads, Deployment, s.Deployments)
	addWorkloads(ix.workloads, StatefulSet, s.StatefulSets)
	addWorkloads(ix.workloads, DaemonSet, s.DaemonSets)
	addWorkloads(ix.workloads, Job, s.Jobs)
	addWorkloads(ix.workloads, ReplicaSet, s.ReplicaSets)
	addWorkloads(ix.workloads, ReplicationController, s.Controllers)
	addWorkloads(ix.workloads, Pod, s.Pods)
	for _, o := range s.Custom {
		ix.workloads[Object{Kind(o.GroupVersionKind().GroupKind().String()), o.GetNamespace(), o.GetName()}] = o
	}
	for _, e := range s.Events {
		ix.events[e.InvolvedObject.UID] = append(ix.events[e.InvolvedObject.UID], e)
	}
	for _, c := range s.Claims {
		ix.claims[c.Namespace+"/"+c.Name] = c
	}
	for _, n := range s.Nodes {
		ix.nodes[n.Name] = n
	}
	return ix
}

func addWorkloads[T metav1.Object](m map[Object]metav1.Object, kind Kind, objects []T) {
	for _, o := range objects {
		m[Object{kind, o.GetNamespace(), o.GetName()}] = o
	}
}

// newPods returns the living pods of the newest revision, or none if the
// controller has not observed it yet.
func (ix *index) newPods(workload metav1.Object) []*corev1.Pod { return ix.owned.Newest(workload) }

func (ix *index) newReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	return ix.owned.NewestReplicaSet(d)
}

// PodReady reports whether the pod's Ready condition is true.
func PodReady(pod *corev1.Pod) bool {
	c := podCondition(pod, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

func statusOf(statuses []corev1.ContainerStatus, name string) corev1.ContainerStatus {
	for _, s := range statuses {
		if s.Name == name {
			return s
		}
	}
	return corev1.ContainerStatus{Name: name}
}

func containerStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

// isJob reports whether the workload ends: a Job, or a Pod that is not restarted.
func isJob(workload metav1.Object) bool {
	if pod, ok := workload.(*corev1.Pod); ok {
		return pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	}
	_, ok := workload.(*batchv1.Job)
	return ok
}
