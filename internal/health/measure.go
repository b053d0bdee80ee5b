package health

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

// The states.
const (
	Ready       State = "ready"       // every wanted pod is of the newest revision and available; a Job is complete
	Progressing State = "progressing" // on its way, or stuck: see the causes
	Paused      State = "paused"      // not ready, and its spec tells the controller to do nothing
	Absent      State = "absent"      // it does not exist
)

// A Workload is a workload and how far it is.
type Workload struct {
	Object
	State    State     `json:"state"`
	Ready    int32     `json:"ready"`   // available pods (of a Deployment: new ones); completions of a Job
	Desired  int32     `json:"wanted"`  // pods; completions of a Job
	Updated  int32     `json:"updated"` // pods of the newest revision, ready or not
	Outdated int32     `json:"old"`     // pods of older revisions that still run
	Images   []string  `json:"images"`  // of its containers, in their order
	Created  time.Time `json:"created"`
	Message  string    `json:"message"` // one line: "1 of 2 ready; postgres-0: pulling image postgres:17"
	Causes   []Cause   `json:"-"`       // what keeps it from being ready
}

// Measure says how far each of the snapshot's workloads is. A workload is Ready
// only if Ready >= Wanted, none of its new pods says otherwise, and containers
// without a readiness probe have run for limits.Settle.
func ComputeStatus(s Snapshot, limits Thresholds, now time.Time) []Workload {
	v := newView(s)
	found := make([]Workload, len(s.Objects))
	for i, o := range s.Objects {
		found[i] = v.measure(o, limits, now)
	}
	return found
}

func (v *view) measure(o Object, limits Thresholds, now time.Time) Workload {
	w := Workload{Object: o, State: Absent, Message: "does not exist"}
	object, ok := v.workloads[o]
	if !ok {
		if o.Kind == Job && v.jobCompleted(o) {
			w.State, w.Message, w.Ready, w.Desired = Ready, "complete, and deleted since", 1, 1
		}
		return w
	}
	w.Created = object.GetCreationTimestamp().Time
	done := w.count(object)
	pods := v.newPods(object)
	switch {
	case done && o.Kind != Job && !allReady(pods):
		w.State, w.Message = Progressing, w.tally()+v.activity(pods)
	case done && o.Kind != Job && !v.settled(pods, limits, now):
		w.State, w.Message = Progressing, fmt.Sprintf("%d of %d started; watching that it stays up", w.Ready, w.Desired)
	case done && object.GetDeletionTimestamp() == nil:
		w.State, w.Message = Ready, w.tally()
	case paused(object):
		w.State, w.Message = Paused, w.tally()+"; paused"
	default:
		w.State, w.Message = Progressing, w.tally()+v.activity(pods)
	}
	return w
}

// tally is "1 of 2 ready", with the revision if that is what is missing.
func (w *Workload) tally() string {
	if w.Kind == Job {
		return fmt.Sprintf("%d of %d complete", w.Ready, w.Desired)
	}
	if w.Ready >= w.Desired && w.Updated < w.Desired {
		return fmt.Sprintf("%d of %d updated", w.Updated, w.Desired)
	}
	if w.Ready >= w.Desired && w.Outdated > 0 {
		return fmt.Sprintf("%d of %d ready; %s to end", w.Desired, w.Desired, times(w.Outdated, "old pod"))
	}
	return fmt.Sprintf("%d of %d ready", min(w.Ready, w.Desired), w.Desired)
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
