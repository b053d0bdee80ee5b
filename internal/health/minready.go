package health

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// allReady reports whether no pod that is still meant to run is not ready. The
// controllers' counts lag behind their pods: one that has just crashed is still
// counted as available.
func allReady(pods []*corev1.Pod) bool {
	for _, p := range pods {
		if !PodReady(p) && p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
			return false
		}
	}
	return true
}

// settled is false while a container without a readiness probe has not run for
// long enough: the API calls it ready from its first moment, also when it is
// about to crash.
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

// containerSettled asks for thresholds.Settle since the start and since the liveness
// probe's last failure, doubled for each restart, or for longer where the kubelet
// is late; up to thresholds.SettleMost.
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

// late is how long the kubelet took to tell that the pod's containers run. On a
// node without a core to spare that is many seconds, and it tells as late that one
// has crashed. Of a pod with probes it is unknown: they take time too.
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
