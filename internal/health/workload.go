package health

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// State is the rollout state of a workload.
type State string

// The states.
const (
	Ready       State = "ready"       // rolled out and available; a Job is complete
	Progressing State = "progressing" // not ready yet, or stuck
	Paused      State = "paused"      // not ready, and paused or suspended
	Absent      State = "absent"
)

// Workload is the status of a workload.
type Workload struct {
	Object
	State    State     `json:"state"`
	Ready    int32     `json:"ready"`    // available pods (Deployment: of the newest revision) or completions
	Desired  int32     `json:"desired"`  // pods or completions
	Updated  int32     `json:"updated"`  // pods of the newest revision
	Outdated int32     `json:"outdated"` // running pods of older revisions, or too many
	Images   []string  `json:"images"`   // in the order of the containers
	Created  time.Time `json:"created"`
	Message  string    `json:"message"` // "1 of 2 ready; postgres-0: pulling image postgres:17"
	Causes   []Cause   `json:"-"`
	Unjudged bool      `json:"-"` // a custom resource whose state is unknown; Ready, not to block the rest
}

// count sets the counts and reports whether the rollout is complete. It follows
// kubectl rollout status, but ignores maxUnavailable: every pod must be
// available.
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
	case *appsv1.ReplicaSet:
		return w.countReplicas(o.Generation, o.Spec.Replicas, o.Spec.Template, o.Status)
	case *corev1.ReplicationController:
		template := ptr.Deref(o.Spec.Template, corev1.PodTemplateSpec{})
		return w.countReplicas(o.Generation, o.Spec.Replicas, template, appsv1.ReplicaSetStatus{
			ObservedGeneration: o.Status.ObservedGeneration, Replicas: o.Status.Replicas, AvailableReplicas: o.Status.AvailableReplicas,
		})
	case *corev1.Pod:
		return w.countPod(o)
	}
	return false
}

// countReplicas counts all pods as updated: a change of the template replaces none.
func (w *Workload) countReplicas(generation int64, desired *int32, template corev1.PodTemplateSpec, s appsv1.ReplicaSetStatus) bool {
	w.Images = images(template.Spec)
	w.Desired, w.Updated, w.Ready = orOne(desired), s.Replicas, s.AvailableReplicas
	w.Outdated = max(0, s.Replicas-w.Desired)
	return s.ObservedGeneration >= generation && w.Outdated == 0 && w.Ready >= w.Desired
}

func (w *Workload) countPod(pod *corev1.Pod) bool {
	w.Images = images(pod.Spec)
	w.Desired, w.Updated = 1, 1
	if PodReady(pod) || pod.Status.Phase == corev1.PodSucceeded {
		w.Ready = 1
	}
	return w.Ready == 1
}

func (w *Workload) countDeployment(d *appsv1.Deployment) bool {
	s := d.Status
	w.Images = images(d.Spec.Template.Spec)
	w.Desired, w.Updated = orOne(d.Spec.Replicas), s.UpdatedReplicas
	w.Outdated = max(0, s.Replicas-min(s.UpdatedReplicas, w.Desired)) // with those that a lower number of replicas removes
	w.Ready = max(0, s.AvailableReplicas-w.Outdated)                  // status counts pods of all revisions: at least this many are new
	return s.ObservedGeneration >= d.Generation && w.Updated >= w.Desired && w.Outdated == 0 && w.Ready >= w.Desired
}

// countStatefulSet ignores outdated pods below a partition or of an OnDelete set,
// because the spec keeps them.
func (w *Workload) countStatefulSet(set *appsv1.StatefulSet) bool {
	s := set.Status
	w.Images = images(set.Spec.Template.Spec)
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
	w.Images = images(d.Spec.Template.Spec)
	w.Desired, w.Updated, w.Ready = s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable
	w.Outdated = max(0, s.CurrentNumberScheduled-s.UpdatedNumberScheduled)
	need := w.Desired
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		need = 0
	}
	return s.ObservedGeneration >= d.Generation && w.Updated >= need && w.Ready >= w.Desired
}

func (w *Workload) countJob(j *batchv1.Job) bool {
	w.Images = images(j.Spec.Template.Spec)
	w.Desired, w.Ready = orOne(j.Spec.Completions), j.Status.Succeeded
	w.Updated = j.Status.Active + j.Status.Succeeded
	for _, c := range j.Status.Conditions {
		if c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue {
			w.Ready = max(w.Ready, w.Desired) // a success policy may complete a Job early
			return true
		}
	}
	return false
}

func images(spec corev1.PodSpec) []string {
	var found []string
	for _, c := range spec.Containers {
		found = append(found, c.Image)
	}
	return found
}

func orOne(n *int32) int32 { return ptr.Deref(n, 1) }

func paused(object metav1.Object) bool {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.Spec.Paused
	case *batchv1.Job:
		return ptr.Deref(o.Spec.Suspend, false)
	}
	return false
}
