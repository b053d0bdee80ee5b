package health

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A sign is one or more events of the same meaning about one object.
type eventSummary struct {
	message     string // of the newest
	first, last time.Time
	count       int32
}

func (s eventSummary) seen() bool { return s.count > 0 }

// sign gathers the events about an object that match.
func (ix *index) summarize(about types.UID, match func(*corev1.Event) bool) eventSummary {
	var s eventSummary
	for _, e := range ix.events[about] {
		if !match(e) {
			continue
		}
		first, last := eventTimes(e)
		s.first = earliest(s.first, first)
		if s.count == 0 || last.After(s.last) {
			s.last, s.message = last, e.Message
		}
		s.count += eventCount(e)
	}
	return s
}

// reason matches events of one reason whose message has the text.
func withReason(want, text string) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool { return e.Reason == want && strings.Contains(e.Message, text) }
}

// containerReason is reason for events about one container.
func withContainerReason(container, want, text string) func(*corev1.Event) bool {
	match := withReason(want, text)
	return func(e *corev1.Event) bool {
		return match(e) && strings.HasSuffix(e.InvolvedObject.FieldPath, "{"+container+"}")
	}
}

// eventTimes are when an event happened first and last. Core events carry
// timestamps and a count; events that came through events.k8s.io carry an event
// time and a series.
func eventTimes(e *corev1.Event) (first, last time.Time) {
	first, last = e.FirstTimestamp.Time, e.LastTimestamp.Time
	if first.IsZero() {
		first = e.EventTime.Time
	}
	if first.IsZero() {
		first = e.CreationTimestamp.Time
	}
	if e.Series != nil {
		last = latest(last, e.Series.LastObservedTime.Time)
	}
	return first, latest(first, last)
}

func eventCount(e *corev1.Event) int32 {
	if e.Series != nil {
		return max(1, e.Series.Count)
	}
	return max(1, e.Count)
}

// A Baseline keeps the restarts of containers that are no evidence, from one
// snapshot to the next.
type Baseline struct {
	restarts map[string]int32     // see Snapshot.Restarts
	lost     map[string]time.Time // when each killed node came back
}

// Apply forgets the restarts that are no evidence: those of the time before the wait, but for young
// pods, and those up to [Thresholds.NodeRecoveryGrace] after a killed node came back. What crashed meanwhile had lost
// what it needs with the node.
func (b *Baseline) Apply(s *Snapshot, thresholds Thresholds) {
	first := b.restarts == nil
	if first {
		b.restarts, b.lost = map[string]int32{}, map[string]time.Time{}
	}
	b.noteReturns(s.Pods)
	for _, pod := range s.Pods {
		lost, born := b.lost[pod.Spec.NodeName], pod.CreationTimestamp.Time
		old := first && !born.Add(thresholds.NewPodAge).After(s.Started)
		for _, c := range containerStatuses(pod) {
			end := lastEnd(c)
			back := end != nil && born.Before(lost) && end.FinishedAt.Time.Before(lost.Add(thresholds.NodeRecoveryGrace))
			if old || back {
				b.restarts[RestartKey(pod, c.Name)] = c.RestartCount
			}
		}
	}
	s.Restarts = b.restarts
}

// noteReturns keeps when each node that was killed came back: a container that was lost with it shows
// that until its next end. containerd calls that end "Unknown", and dates it with the moment that it
// found the container gone (internal/cri/server/restart.go).
func (b *Baseline) noteReturns(pods []*corev1.Pod) {
	for _, pod := range pods {
		node := pod.Spec.NodeName
		for _, c := range containerStatuses(pod) {
			if end := lastEnd(c); end != nil && end.Reason == "Unknown" {
				b.lost[node] = latest(b.lost[node], end.FinishedAt.Time)
			}
		}
	}
}

// RestartKey is the key of a container in [Snapshot.Restarts].
func RestartKey(pod *corev1.Pod, container string) string {
	return string(pod.UID) + "/" + container
}

// restarts are the container's restarts since the wait began.
func (ix *index) restarts(pod *corev1.Pod, s corev1.ContainerStatus) int32 {
	return max(0, s.RestartCount-ix.snapshot.Restarts[RestartKey(pod, s.Name)])
}

// lastEnd is how the container's last run ended, or nil if none has.
func lastEnd(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if t := c.State.Terminated; t != nil {
		return t
	}
	return c.LastTerminationState.Terminated
}

// earliest is the earlier time that is set.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
