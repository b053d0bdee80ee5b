package health

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// count fills in the numbers and reports whether the workload's own status says
// that the rollout is over: the rules of kubectl rollout status, and every pod
// available rather than just as many as maxUnavailable leaves.
func (w *Workload) count(object metav1.Object) bool {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return w.countDeployment(o)
	case *appsv1.StatefulSet:
		return w.countStatefulSet(o)
	case *appsv1.DaemonSet:
		return w.countDaemonSet(o)
	case *batchv1.Job:
		return w.countJob(o)
	}
	return false
}

func (w *Workload) countDeployment(d *appsv1.Deployment) bool {
	s := d.Status
	w.Images = images(d.Spec.Template)
	w.Desired, w.Updated, w.Outdated = orOne(d.Spec.Replicas), s.UpdatedReplicas, max(0, s.Replicas-s.UpdatedReplicas)
	w.Ready = max(0, s.AvailableReplicas-w.Outdated) // status counts those of all revisions: at least so many are new
	return s.ObservedGeneration >= d.Generation && w.Updated >= w.Desired && w.Outdated == 0 && w.Ready >= w.Desired
}

// countStatefulSet leaves the pods below a partition, and all pods of an
// OnDelete set, at their revision: whoever set that wants it so.
func (w *Workload) countStatefulSet(set *appsv1.StatefulSet) bool {
	s := set.Status
	w.Images = images(set.Spec.Template)
	w.Desired, w.Updated, w.Ready = orOne(set.Spec.Replicas), s.UpdatedReplicas, s.AvailableReplicas
	w.Outdated = max(0, s.Replicas-s.UpdatedReplicas)
	need := w.Desired
	if u := set.Spec.UpdateStrategy; u.Type == appsv1.OnDeleteStatefulSetStrategyType {
		need = 0
	} else if u.RollingUpdate != nil && u.RollingUpdate.Partition != nil {
		need -= *u.RollingUpdate.Partition
	}
	return s.ObservedGeneration >= set.Generation &&
		w.Updated >= need && w.Ready >= w.Desired && s.Replicas <= w.Desired
}

func (w *Workload) countDaemonSet(d *appsv1.DaemonSet) bool {
	s := d.Status
	w.Images = images(d.Spec.Template)
	w.Desired, w.Updated, w.Ready = s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable
	w.Outdated = max(0, s.CurrentNumberScheduled-s.UpdatedNumberScheduled)
	need := w.Desired
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		need = 0
	}
	return s.ObservedGeneration >= d.Generation && w.Updated >= need && w.Ready >= w.Desired
}

func (w *Workload) countJob(j *batchv1.Job) bool {
	w.Images = images(j.Spec.Template)
	w.Desired, w.Ready = orOne(j.Spec.Completions), j.Status.Succeeded
	w.Updated = j.Status.Active + j.Status.Succeeded
	for _, c := range j.Status.Conditions {
		if c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue {
			w.Ready = max(w.Ready, w.Desired) // a success policy may end a Job before all completions
			return true
		}
	}
	return false
}
