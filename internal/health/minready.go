package health

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// allReady reports whether all unfinished pods are ready. The counts in a
// workload's status lag: they may include a crashed pod.
func allReady(pods []*corev1.Pod) bool {
	for _, p := range pods {
		if !PodReady(p) && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
			return false
		}
	}
	return true
}

// ranMinReady reports whether containers without a readiness probe, which are
// ready as soon as they start, have run long enough.
func (ix *index) ranMinReady(pods []*corev1.Pod, thresholds Thresholds, now time.Time) bool {
	for _, p := range pods {
		for _, c := range p.Spec.Containers {
			if c.ReadinessProbe == nil && !ix.containerRanMinReady(p, c, thresholds, now) {
				return false
			}
		}
	}
	return true
}

// containerRanMinReady reports whether a container has run for
// [Thresholds.MinReady] since its start and last failed liveness probe, or longer
// after restarts and if the kubelet lags.
func (ix *index) containerRanMinReady(pod *corev1.Pod, c corev1.Container, thresholds Thresholds, now time.Time) bool {
	s := statusOf(pod.Status.ContainerStatuses, c.Name)
	if s.State.Running == nil {
		return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	}
	quiet := latest(s.State.Running.StartedAt.Time, ix.summarize(pod.UID, withContainerReason(c.Name, "Unhealthy", "Liveness probe")).last)
	need := thresholds.MinReady
	for range min(ix.restarts(pod, s), 8) {
		need = min(2*need, thresholds.MaxMinReady)
	}
	need = max(need, min(time.Duration(thresholds.MinReadyLagFactor)*kubeletLag(pod), thresholds.MaxMinReady))
	return now.Sub(quiet) >= need
}

// kubeletLag returns how late the kubelet reports a container's start. It reports
// crashes just as late. The lag is unknown if there are probes, which take time
// too.
func kubeletLag(pod *corev1.Pod) time.Duration {
	probed := func(c corev1.Container) bool { return c.ReadinessProbe != nil || c.StartupProbe != nil }
	ready := podCondition(pod, corev1.ContainersReady)
	if ready == nil || slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), probed) {
		return 0
	}
	var started time.Time
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running != nil {
			started = latest(started, s.State.Running.StartedAt.Time)
		}
	}
	return ready.LastTransitionTime.Sub(started)
}
