package health

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

type index struct {
	snapshot  Snapshot
	workloads map[Object]metav1.Object
	sets      map[types.UID][]*appsv1.ReplicaSet       // by owner
	pods      map[types.UID][]*corev1.Pod              // by owner
	events    map[types.UID][]*corev1.Event            // by involved object
	claims    map[string]*corev1.PersistentVolumeClaim // by namespace/name
	nodes     map[string]*corev1.Node                  // by name
}

func newIndex(s Snapshot) *index {
	ix := &index{
		snapshot:  s,
		workloads: map[Object]metav1.Object{},
		sets:      map[types.UID][]*appsv1.ReplicaSet{},
		pods:      map[types.UID][]*corev1.Pod{},
		events:    map[types.UID][]*corev1.Event{},
		claims:    map[string]*corev1.PersistentVolumeClaim{},
		nodes:     map[string]*corev1.Node{},
	}
	addWorkloads(ix.workloads, Deployment, s.Deployments)
	addWorkloads(ix.workloads, StatefulSet, s.StatefulSets)
	addWorkloads(ix.workloads, DaemonSet, s.DaemonSets)
	addWorkloads(ix.workloads, Job, s.Jobs)
	byOwner(ix.sets, s.ReplicaSets)
	byOwner(ix.pods, s.Pods)
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

func byOwner[T metav1.Object](m map[types.UID][]T, objects []T) {
	for _, o := range objects {
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			m[owner.UID] = append(m[owner.UID], o)
		}
	}
}

// newPods returns the living pods of the newest revision, or none if the
// controller has not observed it yet.
func (ix *index) newPods(workload metav1.Object) []*corev1.Pod {
	switch w := workload.(type) {
	case *appsv1.Deployment:
		if set := ix.newReplicaSet(w); set != nil {
			return living(ix.pods[set.UID], "", "")
		}
	case *appsv1.StatefulSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(ix.pods[w.UID], appsv1.ControllerRevisionHashLabelKey, w.Status.UpdateRevision)
		}
	case *appsv1.DaemonSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(ix.pods[w.UID], "pod-template-generation", w.Annotations[appsv1.DeprecatedTemplateGeneration])
		}
	case *batchv1.Job:
		return living(ix.pods[w.UID], "", "")
	}
	return nil
}

// newReplicaSet returns the oldest ReplicaSet with the Deployment's template,
// like FindNewReplicaSet in the controller's deployment_util.go. After a rollback
// it is not the youngest.
func (ix *index) newReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	var newest *appsv1.ReplicaSet
	for _, set := range ix.sets[d.UID] {
		if !sameTemplate(&set.Spec.Template, &d.Spec.Template) {
			continue
		}
		if newest == nil || set.CreationTimestamp.Before(&newest.CreationTimestamp) {
			newest = set
		}
	}
	return newest
}

// sameTemplate ignores the hash label that the controller adds.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	x, y := *a, *b
	x.Labels, y.Labels = maps.Clone(a.Labels), maps.Clone(b.Labels)
	delete(x.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(y.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(x, y)
}

// living returns the pods that are not being deleted and, if value is set, have
// it in the label.
func living(pods []*corev1.Pod, label, value string) []*corev1.Pod {
	var found []*corev1.Pod
	for _, p := range pods {
		if p.DeletionTimestamp == nil && (value == "" || p.Labels[label] == value) {
			found = append(found, p)
		}
	}
	return found
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

func isJob(workload metav1.Object) bool {
	_, ok := workload.(*batchv1.Job)
	return ok
}
