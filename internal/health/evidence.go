package health

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"tkdeploy.dev/tkdeploy/internal/health/events"
)

func (ix *index) summarize(about types.UID, match events.Match) events.Summary {
	return events.Summarize(ix.events[about], match)
}

// Baseline remembers what one snapshot does not show: which container restarts do
// not count, and when pods ended. The zero value is ready to use.
type Baseline struct {
	restarts  map[string]int32     // by restartKey
	recovered map[string]time.Time // by node
	ending    time.Time            // when a terminating pod was last seen
}

// Apply records when pods ended. It excludes restarts from before the wait, unless
// the pod was younger than [Thresholds.NewPodAge], and those within [Thresholds.NodeRecoveryGrace] of the
// recovery of the pod's node.
func (b *Baseline) Apply(s *Snapshot, thresholds Thresholds, now time.Time) {
	if slices.ContainsFunc(s.Pods, func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil && now.Before(p.DeletionTimestamp.Add(thresholds.Termination))
	}) {
		b.ending = now
	}
	s.lastEnding = b.ending
	first := b.restarts == nil
	if first {
		b.restarts, b.recovered = map[string]int32{}, map[string]time.Time{}
	}
	b.recordRecoveries(s.Pods)
	for _, pod := range s.Pods {
		recovered, born := b.recovered[pod.Spec.NodeName], pod.CreationTimestamp.Time
		old := first && !born.Add(thresholds.NewPodAge).After(s.Started)
		for _, c := range containerStatuses(pod) {
			end := lastEnd(c)
			recovering := end != nil && born.Before(recovered) && end.FinishedAt.Time.Before(recovered.Add(thresholds.NodeRecoveryGrace))
			if old || recovering {
				b.restarts[restartKey(pod, c.Name)] = c.RestartCount
			}
		}
	}
	s.ignoredRestarts = b.restarts
}

// recordRecoveries records when crashed nodes came back. containerd ends a
// container lost with its node with the reason "Unknown" when it finds it missing
// (internal/cri/server/restart.go).
func (b *Baseline) recordRecoveries(pods []*corev1.Pod) {
	for _, pod := range pods {
		node := pod.Spec.NodeName
		for _, c := range containerStatuses(pod) {
			if end := lastEnd(c); end != nil && end.Reason == "Unknown" {
				b.recovered[node] = latest(b.recovered[node], end.FinishedAt.Time)
			}
		}
	}
}

func restartKey(pod *corev1.Pod, container string) string {
	return string(pod.UID) + "/" + container
}

func (ix *index) restarts(pod *corev1.Pod, s corev1.ContainerStatus) int32 {
	return max(0, s.RestartCount-ix.snapshot.ignoredRestarts[restartKey(pod, s.Name)])
}

func lastEnd(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if t := c.State.Terminated; t != nil {
		return t
	}
	return c.LastTerminationState.Terminated
}

// earliest ignores zero times.
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
