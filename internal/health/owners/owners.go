// Package owners finds the pods of a workload by their controller references.
// Labels do not identify them: chart helpers often give the labels that a workload
// selects to the pods of a CronJob, too.
package owners

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Index holds pods and ReplicaSets by the UID of their controller.
type Index struct {
	sets map[types.UID][]*appsv1.ReplicaSet
	pods map[types.UID][]*corev1.Pod
}

// NewIndex returns the index of sets and pods.
func NewIndex(sets []*appsv1.ReplicaSet, pods []*corev1.Pod) *Index {
	x := &Index{sets: map[types.UID][]*appsv1.ReplicaSet{}, pods: map[types.UID][]*corev1.Pod{}}
	add(x.sets, sets)
	add(x.pods, pods)
	return x
}

func add[T metav1.Object](m map[types.UID][]T, objects []T) {
	for _, o := range objects {
		if owner := metav1.GetControllerOfNoCopy(o); owner != nil {
			m[owner.UID] = append(m[owner.UID], o)
		}
	}
}

// Newest returns the pods of the newest revision of a workload that are not being
// deleted, or none if its controller has not observed the revision yet. A Pod is its
// own workload.
func (x *Index) Newest(workload metav1.Object) []*corev1.Pod {
	switch w := workload.(type) {
	case *appsv1.Deployment:
		if set := x.NewestReplicaSet(w); set != nil {
			return living(x.pods[set.UID], "", "")
		}
	case *appsv1.StatefulSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(x.pods[w.UID], appsv1.ControllerRevisionHashLabelKey, w.Status.UpdateRevision)
		}
	case *appsv1.DaemonSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(x.pods[w.UID], "pod-template-generation", w.Annotations[appsv1.DeprecatedTemplateGeneration])
		}
	case *corev1.Pod:
		return living([]*corev1.Pod{w}, "", "")
	case *batchv1.Job, *appsv1.ReplicaSet, *corev1.ReplicationController, *unstructured.Unstructured:
		return living(x.pods[w.GetUID()], "", "")
	}
	return nil
}

// Outdated returns the pods of older revisions of a StatefulSet that are not being
// deleted, or none if the controller has not observed the newest revision yet.
func (x *Index) Outdated(set *appsv1.StatefulSet) []*corev1.Pod {
	if set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision == "" {
		return nil
	}
	var found []*corev1.Pod
	for _, p := range living(x.pods[set.UID], "", "") {
		if p.Labels[appsv1.ControllerRevisionHashLabelKey] != set.Status.UpdateRevision {
			found = append(found, p)
		}
	}
	return found
}

// All returns the pods of all revisions of a workload, also those that are being
// deleted.
func (x *Index) All(workload metav1.Object) []*corev1.Pod {
	all := slices.Clone(x.pods[workload.GetUID()])
	for _, set := range x.sets[workload.GetUID()] {
		all = append(all, x.pods[set.UID]...)
	}
	return all
}

// NewestReplicaSet returns the oldest ReplicaSet with the Deployment's template,
// like FindNewReplicaSet in the controller's deployment_util.go, or nil. After a
// rollback it is not the youngest.
func (x *Index) NewestReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	var newest *appsv1.ReplicaSet
	for _, set := range x.sets[d.UID] {
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
