package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/health/custom"
	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// ComputeStatus returns the status of each workload in s.Objects, in that order.
// A workload is Ready only if it has all desired pods, all pods of its newest
// revision are ready, and those without a readiness probe have run for
// [Thresholds.MinReady].
func ComputeStatus(s Snapshot, thresholds Thresholds, now time.Time) []Workload {
	ix := newIndex(s)
	found := make([]Workload, len(s.Objects))
	for i, o := range s.Objects {
		found[i] = ix.computeStatus(o, thresholds, now)
	}
	return found
}

func (ix *index) computeStatus(o Object, thresholds Thresholds, now time.Time) Workload {
	w := Workload{Object: o, State: Absent, Message: "does not exist"}
	object, ok := ix.workloads[o]
	if !ok {
		if o.Kind == Job && ix.jobCompleted(o) {
			w.State, w.Message, w.Ready, w.Desired = Ready, "complete, already deleted", 1, 1
		}
		return w
	}
	w.Created = object.GetCreationTimestamp().Time
	if o, ok := object.(*unstructured.Unstructured); ok {
		ix.judgeCustom(&w, o, thresholds, now)
		return w
	}
	done := w.count(object)
	pods := ix.newPods(object)
	switch {
	case done && o.Kind != Job && !allReady(pods):
		w.State, w.Message = Progressing, w.tally()+ix.activity(pods)
	case done && o.Kind != Job && !ix.ranMinReady(pods, thresholds, now):
		w.State, w.Message = Progressing, fmt.Sprintf("%d of %d started; waiting to see if it stays up", w.Ready, w.Desired)
	case done && object.GetDeletionTimestamp() == nil:
		w.State, w.Message = Ready, w.tally()
	case o.Kind == Job && paused(object) && ix.snapshot.Suspended[o]:
		w.State, w.Message, w.Desired = Ready, "suspended by the chart", w.Ready
	case paused(object):
		w.State, w.Message = Paused, w.tally()+"; paused"
	default:
		w.State, w.Message = Progressing, w.tally()+ix.activity(pods)
	}
	return w
}

// settle is how long a custom resource may have no condition after its creation, and
// after its controller may have started.
const settle = 10 * time.Second

func (ix *index) judgeCustom(w *Workload, o *unstructured.Unstructured, thresholds Thresholds, now time.Time) {
	w.Desired, w.Updated, w.Images = 1, 1, []string{}
	verdict, reason := custom.Judge(o)
	isNew := w.Created.Add(thresholds.NewPodAge).After(ix.snapshot.Started)
	settled := latest(w.Created, ix.snapshot.Unready).Add(settle)
	switch {
	case verdict == custom.NotReady:
		w.State, w.Message = Progressing, reason
	case verdict == custom.Unknown && ix.snapshot.HasStatus[w.Kind] && isNew && now.Before(settled):
		w.State, w.Message = Progressing, "has no status yet"
	case verdict == custom.Unknown:
		w.State, w.Message, w.Desired, w.Unjudged = Ready, "not judged: "+reason, 0, true
	default:
		w.State, w.Message, w.Ready = Ready, "1 of 1 ready", 1
	}
}

func (w *Workload) tally() string {
	if w.Desired == 0 && w.Outdated == 0 && (w.Kind == Deployment || w.Kind == StatefulSet || w.Kind == ReplicaSet || w.Kind == ReplicationController) {
		return "scaled to 0"
	}
	if w.Kind == Job {
		return fmt.Sprintf("%d of %d complete", w.Ready, w.Desired)
	}
	if w.Ready >= w.Desired && w.Updated < w.Desired {
		return fmt.Sprintf("%d of %d updated", w.Updated, w.Desired)
	}
	if w.Ready >= w.Desired && w.Outdated > 0 {
		return fmt.Sprintf("%d of %d ready; %s still running", w.Desired, w.Desired, text.Plural(w.Outdated, "old pod"))
	}
	return fmt.Sprintf("%d of %d ready", min(w.Ready, w.Desired), w.Desired)
}

// jobCompleted checks for the completion event, which outlives a Job with a
// time-to-live. Later events are of another Job with the name.
func (ix *index) jobCompleted(o Object) bool {
	about := func(e *corev1.Event) bool {
		on := e.InvolvedObject
		return on.Kind == string(Job) && on.Namespace == o.Namespace && on.Name == o.Name
	}
	all := events.Summarize(ix.snapshot.Events, about)
	completed := events.Summarize(ix.snapshot.Events, func(e *corev1.Event) bool { return about(e) && e.Reason == "Completed" })
	return completed.Seen() && !all.Last.After(completed.Last)
}

// activity describes the first unready pod: "; postgres-0: pulling image
// postgres:17".
func (ix *index) activity(pods []*corev1.Pod) string {
	sorted := slices.Clone(pods)
	slices.SortFunc(sorted, func(a, b *corev1.Pod) int { return compareNames(a.Name, b.Name) })
	for _, pod := range sorted {
		if !PodReady(pod) && pod.Status.Phase != corev1.PodSucceeded {
			return fmt.Sprintf("; %s: %s", pod.Name, ix.podActivity(pod))
		}
	}
	return ""
}

func (ix *index) podActivity(pod *corev1.Pod) string {
	if pod.Status.Phase == corev1.PodFailed {
		return "failed"
	}
	if pod.Spec.NodeName == "" {
		return "waiting for a node"
	}
	for _, spec := range pod.Spec.InitContainers {
		s := statusOf(pod.Status.InitContainerStatuses, spec.Name)
		if t := s.State.Terminated; t != nil && t.ExitCode == 0 || s.Ready {
			continue
		}
		return "init container " + spec.Name + ": " + ix.containerActivity(pod, spec, s)
	}
	for _, spec := range pod.Spec.Containers {
		s := statusOf(pod.Status.ContainerStatuses, spec.Name)
		if s.Ready {
			continue
		}
		if len(pod.Spec.Containers) > 1 {
			return spec.Name + ": " + ix.containerActivity(pod, spec, s)
		}
		return ix.containerActivity(pod, spec, s)
	}
	return "becoming ready"
}

func (ix *index) containerActivity(pod *corev1.Pod, spec corev1.Container, s corev1.ContainerStatus) string {
	switch st := s.State; {
	case st.Terminated != nil:
		return "terminated, " + exits.Text(st.Terminated)
	case st.Running != nil && s.RestartCount > 0:
		return fmt.Sprintf("running, not ready (%s)", text.Plural(s.RestartCount, "restart"))
	case st.Running != nil:
		return "running, not ready yet"
	case st.Waiting != nil && !creating[st.Waiting.Reason]:
		return st.Waiting.Reason
	}
	pulling := ix.summarize(pod.UID, events.WithContainerReason(spec.Name, "Pulling", ""))
	pulled := ix.summarize(pod.UID, events.WithContainerReason(spec.Name, "Pulled", ""))
	if pulling.Seen() && !pulled.Seen() {
		return "pulling image " + spec.Image
	}
	return "creating"
}

var creating = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// compareNames orders web-2 before web-10.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
