package health

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/ending"
)

// awaitEnd delays the cause until pods that match have ended and then for slack,
// in which a controller tries again. A pod has until its deletion timestamp: the
// API server adds the grace period to the time of the request.
func (d *diagnoser) awaitEnd(c *Cause, slack time.Duration, match func(*corev1.Pod) bool) {
	pods, late := d.ending(d.index.snapshot.Pods, match)
	for _, p := range late {
		c.Detail = append(c.Detail, ending.Late(p, d.now))
	}
	if len(pods) > 0 {
		last := pods[len(pods)-1]
		c.FatalAt = latest(c.FatalAt, last.DeletionTimestamp.Add(d.thresholds.Termination+slack))
		c.Waiting, c.Waited = ending.Waiting(pods), ending.Progress(last, d.now)
		return
	}
	freed := d.index.snapshot.lastEnding
	if !freed.IsZero() && !c.evidence.After(freed.Add(time.Second)) {
		c.FatalAt = latest(c.FatalAt, freed.Add(slack))
		c.Waiting = "waiting for another attempt"
	}
}

// ending returns the running pods that are terminating, sorted by their deletion
// timestamps, and those that should have ended.
func (d *diagnoser) ending(pods []*corev1.Pod, match func(*corev1.Pod) bool) (running, late []*corev1.Pod) {
	for _, p := range pods {
		switch {
		case p.DeletionTimestamp == nil || !match(p):
		case d.now.After(p.DeletionTimestamp.Add(d.thresholds.Termination)):
			late = append(late, p)
		case p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed:
			running = append(running, p)
		}
	}
	slices.SortStableFunc(running, func(a, b *corev1.Pod) int { return a.DeletionTimestamp.Compare(b.DeletionTimestamp.Time) })
	return running, late
}

// oldPods diagnoses a workload without new pods whose old ones are terminating: a
// StatefulSet, a Deployment with strategy Recreate, or a Job wait for them. This
// is never fatal.
func (d *diagnoser) oldPods() []Cause {
	pods, late := d.ending(d.index.owned.All(d.workload), func(*corev1.Pod) bool { return true })
	switch {
	case len(late) > 0:
		c := d.workloadCause(Terminating, late[0].DeletionTimestamp.Time)
		c.Pods = []string{late[0].Name}
		c.Message = fmt.Sprintf("old pod %s does not end", late[0].Name)
		c.Detail = []string{ending.Late(late[0], d.now)}
		c.Hint = "check the pod's finalizers and its node"
		c.Command = kubectl(d.object.Namespace, "describe", "pod", late[0].Name)
		return []Cause{c}
	case len(pods) > 0:
		last := pods[len(pods)-1]
		c := StillStarting(Workload{Object: d.object}, d.now)
		c.Message, c.Waited = ending.Waiting(pods), ending.Progress(last, d.now)
		c.Since = last.DeletionTimestamp.Add(-ending.Grace(last))
		return []Cause{c}
	}
	return nil
}
