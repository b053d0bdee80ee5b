package rollout

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A State is how far a workload is.
type State string

const (
	Ready       State = "ready"       // every wanted pod is of the newest revision and available; a Job is complete
	Progressing State = "progressing" // on its way, or stuck: see the causes
	Paused      State = "paused"      // not ready, and its spec tells the controller to do nothing
	Absent      State = "absent"      // it does not exist
)

// A Workload is a workload and how far it is.
type Workload struct {
	Object
	State   State     `json:"state"`
	Ready   int32     `json:"ready"`   // available pods (of a Deployment: new ones); completions of a Job
	Wanted  int32     `json:"wanted"`  // pods; completions of a Job
	Updated int32     `json:"updated"` // pods of the newest revision, ready or not
	Old     int32     `json:"old"`     // pods of older revisions that still run
	Images  []string  `json:"images"`  // of its containers, in their order
	Created time.Time `json:"created"`
	Message string    `json:"message"` // one line: "1 of 2 ready; postgres-0: pulling image postgres:17"
	Causes  []Cause   `json:"-"`       // what keeps it from being ready
}

// Measure says how far each of the snapshot's workloads is. A workload is Ready
// only if Ready >= Wanted. Containers without a readiness probe must have run
// for limits.Settle by then.
func Measure(s Snapshot, limits Limits, now time.Time) []Workload {
	v := newView(s)
	found := make([]Workload, len(s.Objects))
	for i, o := range s.Objects {
		found[i] = v.measure(o, limits, now)
	}
	return found
}

func (v *view) measure(o Object, limits Limits, now time.Time) Workload {
	w := Workload{Object: o, State: Absent, Message: "does not exist"}
	object, ok := v.workloads[o]
	if !ok {
		if o.Kind == Job && v.jobCompleted(o) {
			w.State, w.Message, w.Ready, w.Wanted = Ready, "complete, and deleted since", 1, 1
		}
		return w
	}
	w.Created = object.GetCreationTimestamp().Time
	done := w.count(object)
	pods := v.newPods(object)
	switch {
	case done && o.Kind != Job && !settled(pods, limits.Settle, now):
		w.State, w.Message = Progressing, fmt.Sprintf("%d of %d started; watching that it stays up", w.Ready, w.Wanted)
	case done && object.GetDeletionTimestamp() == nil:
		w.State, w.Message = Ready, w.tally()
	case paused(object):
		w.State, w.Message = Paused, w.tally()+"; paused"
	default:
		w.State, w.Message = Progressing, w.tally()+v.activity(pods)
	}
	return w
}

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
	w.Wanted, w.Updated, w.Old = orOne(d.Spec.Replicas), s.UpdatedReplicas, max(0, s.Replicas-s.UpdatedReplicas)
	w.Ready = max(0, s.AvailableReplicas-w.Old) // status counts those of all revisions: at least so many are new
	return s.ObservedGeneration >= d.Generation && w.Updated >= w.Wanted && w.Old == 0 && w.Ready >= w.Wanted
}

// countStatefulSet leaves the pods below a partition, and all pods of an
// OnDelete set, at their revision: whoever set that wants it so.
func (w *Workload) countStatefulSet(set *appsv1.StatefulSet) bool {
	s := set.Status
	w.Images = images(set.Spec.Template)
	w.Wanted, w.Updated, w.Ready = orOne(set.Spec.Replicas), s.UpdatedReplicas, s.AvailableReplicas
	w.Old = max(0, s.Replicas-s.UpdatedReplicas)
	need := w.Wanted
	if u := set.Spec.UpdateStrategy; u.Type == appsv1.OnDeleteStatefulSetStrategyType {
		need = 0
	} else if u.RollingUpdate != nil && u.RollingUpdate.Partition != nil {
		need -= *u.RollingUpdate.Partition
	}
	return s.ObservedGeneration >= set.Generation &&
		w.Updated >= need && w.Ready >= w.Wanted && s.Replicas <= w.Wanted
}

func (w *Workload) countDaemonSet(d *appsv1.DaemonSet) bool {
	s := d.Status
	w.Images = images(d.Spec.Template)
	w.Wanted, w.Updated, w.Ready = s.DesiredNumberScheduled, s.UpdatedNumberScheduled, s.NumberAvailable
	w.Old = max(0, s.CurrentNumberScheduled-s.UpdatedNumberScheduled)
	need := w.Wanted
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		need = 0
	}
	return s.ObservedGeneration >= d.Generation && w.Updated >= need && w.Ready >= w.Wanted
}

func (w *Workload) countJob(j *batchv1.Job) bool {
	w.Images = images(j.Spec.Template)
	w.Wanted, w.Ready = orOne(j.Spec.Completions), j.Status.Succeeded
	w.Updated = j.Status.Active + j.Status.Succeeded
	for _, c := range j.Status.Conditions {
		if c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue {
			w.Ready = max(w.Ready, w.Wanted) // a success policy may end a Job before all completions
			return true
		}
	}
	return false
}

// tally is "1 of 2 ready", with the revision if that is what is missing.
func (w *Workload) tally() string {
	if w.Kind == Job {
		return fmt.Sprintf("%d of %d complete", w.Ready, w.Wanted)
	}
	if w.Ready >= w.Wanted && w.Updated < w.Wanted {
		return fmt.Sprintf("%d of %d updated", w.Updated, w.Wanted)
	}
	if w.Ready >= w.Wanted && w.Old > 0 {
		return fmt.Sprintf("%d of %d ready; %s to end", w.Wanted, w.Wanted, times(w.Old, "old pod"))
	}
	return fmt.Sprintf("%d of %d ready", min(w.Ready, w.Wanted), w.Wanted)
}

func images(template corev1.PodTemplateSpec) []string {
	var found []string
	for _, c := range template.Spec.Containers {
		found = append(found, c.Image)
	}
	return found
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func paused(object metav1.Object) bool {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.Spec.Paused
	case *batchv1.Job:
		return o.Spec.Suspend != nil && *o.Spec.Suspend
	}
	return false
}

// settled is false while a container without a readiness probe has run for less
// than settle: the API calls it ready from its first moment.
func settled(pods []*corev1.Pod, settle time.Duration, now time.Time) bool {
	for _, p := range pods {
		for _, c := range p.Spec.Containers {
			if c.ReadinessProbe != nil {
				continue
			}
			if r := statusOf(p.Status.ContainerStatuses, c.Name).State.Running; r != nil && now.Sub(r.StartedAt.Time) < settle {
				return false
			}
		}
	}
	return true
}

func statusOf(statuses []corev1.ContainerStatus, name string) corev1.ContainerStatus {
	for _, s := range statuses {
		if s.Name == name {
			return s
		}
	}
	return corev1.ContainerStatus{Name: name}
}

// jobCompleted looks for the event that a Job leaves behind when its
// time-to-live ends before anyone has seen it complete.
func (v *view) jobCompleted(o Object) bool {
	for _, e := range v.Events {
		about := e.InvolvedObject
		if e.Reason == "Completed" && about.Kind == string(Job) && about.Namespace == o.Namespace && about.Name == o.Name {
			return true
		}
	}
	return false
}
