package health

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A Baseline keeps the restarts of containers that are no evidence, from one
// snapshot to the next.
type Baseline struct {
	restarts map[string]int32     // see Snapshot.Restarts
	lost     map[string]time.Time // when each killed node came back
}

// Apply forgets the restarts that are no evidence: those of the time before the wait, but for young
// pods, and those up to [Thresholds.NodeRecoveryGrace] after a killed node came back. What crashed meanwhile had lost
// what it needs with the node.
func (b *Baseline) Apply(s *Snapshot, limits Thresholds) {
	first := b.restarts == nil
	if first {
		b.restarts, b.lost = map[string]int32{}, map[string]time.Time{}
	}
	b.noteReturns(s.Pods)
	for _, pod := range s.Pods {
		lost, born := b.lost[pod.Spec.NodeName], pod.CreationTimestamp.Time
		old := first && !born.Add(limits.NewPodAge).After(s.Started)
		for _, c := range containerStatuses(pod) {
			end := lastEnd(c)
			back := end != nil && born.Before(lost) && end.FinishedAt.Time.Before(lost.Add(limits.NodeRecoveryGrace))
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
