package health

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newPods are the pods of the workload's newest revision that are not being
// deleted. There are none as long as its controller has not seen the newest
// generation.
func (v *view) newPods(workload metav1.Object) []*corev1.Pod {
	switch w := workload.(type) {
	case *appsv1.Deployment:
		if set := v.newReplicaSet(w); set != nil {
			return living(v.pods[set.UID], "", "")
		}
	case *appsv1.StatefulSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(v.pods[w.UID], appsv1.ControllerRevisionHashLabelKey, w.Status.UpdateRevision)
		}
	case *appsv1.DaemonSet:
		if w.Status.ObservedGeneration >= w.Generation {
			return living(v.pods[w.UID], "pod-template-generation", w.Annotations[appsv1.DeprecatedTemplateGeneration])
		}
	case *batchv1.Job:
		return living(v.pods[w.UID], "", "")
	}
	return nil
}

// newReplicaSet is the oldest ReplicaSet with the Deployment's own template:
// the rule of the deployment controller (FindNewReplicaSet in its
// deployment_util.go), which also holds after a rollback, when the newest
// revision is not the youngest ReplicaSet.
func (v *view) newReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	var newest *appsv1.ReplicaSet
	for _, set := range v.sets[d.UID] {
		if !sameTemplate(&set.Spec.Template, &d.Spec.Template) {
			continue
		}
		if newest == nil || set.CreationTimestamp.Before(&newest.CreationTimestamp) {
			newest = set
		}
	}
	return newest
}

// sameTemplate compares without the hash that the controller adds.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	x, y := *a, *b
	x.Labels, y.Labels = maps.Clone(a.Labels), maps.Clone(b.Labels)
	delete(x.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(y.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(x, y)
}

// living leaves out pods that are being deleted and, if value is set, those
// whose label has another value.
func living(pods []*corev1.Pod, label, value string) []*corev1.Pod {
	var found []*corev1.Pod
	for _, p := range pods {
		if p.DeletionTimestamp == nil && (value == "" || p.Labels[label] == value) {
			found = append(found, p)
		}
	}
	return found
}
