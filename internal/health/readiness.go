package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/health/probes"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// notReady diagnoses a failing probe. This is not fatal, because the probe may
// succeed at any time, unless nothing listens on its port and the process has
// started or listens on other ports.
func (c containerDiagnoser) notReady() (Cause, bool) {
	running := c.status.State.Running
	if running == nil || c.status.Ready {
		return Cause{}, false
	}
	kind, probe := "Readiness", c.spec.ReadinessProbe
	if c.spec.StartupProbe != nil && (c.status.Started == nil || !*c.status.Started) {
		kind, probe = "Startup", c.spec.StartupProbe
	}
	if probe == nil {
		return Cause{}, false
	}
	failed := c.probeFailures(kind)
	if !failed.seen() {
		return Cause{}, false
	}
	found := c.cause(NotReady, kind, failed.first)
	found.evidence = failed.last
	if kind == "Readiness" && probes.Refused(probe, failed.message) && c.neverListens(probe) {
		found = found.after(c.d.thresholds.Port)
	}
	found.Message = fmt.Sprintf("running, but %s probe failed: %s", strings.ToLower(kind), probes.Result(failed.message))
	found.Detail = append([]string{c.stateLine()}, c.probeLines(kind, probe)...)
	if n := c.status.RestartCount; n > 0 {
		found.Detail = append(found.Detail, text.Plural(n, "restart"))
	}
	found.Hint = c.probeHint(probe, failed.message)
	found.Log = &Log{Pod: c.pod.Name, Container: c.spec.Name}
	return found, true
}

// neverListens reports whether the probe's port is wrong: the container declares
// others, or the startup probe has succeeded.
func (c containerDiagnoser) neverListens(probe *corev1.Probe) bool {
	return !probes.Declares(c.spec, probes.Port(probe)) || c.spec.StartupProbe != nil
}

func (c containerDiagnoser) probeFailures(kind string) eventSummary {
	return c.events("Unhealthy", kind+" probe")
}

func (c containerDiagnoser) probeLines(kind string, probe *corev1.Probe) []string {
	if probe == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("%s probe: %s", strings.ToLower(kind), probes.Describe(probe))}
	if f := c.probeFailures(kind); f.seen() {
		lines = append(lines, fmt.Sprintf("last failure at %s (%s since %s): %s",
			clock(f.last), text.Plural(f.count, "failure"), clock(f.first), probes.Result(f.message)))
	}
	return lines
}

func (c containerDiagnoser) probeHint(probe *corev1.Probe, result string) string {
	port := probes.Port(probe)
	switch {
	case port != "" && !probes.Declares(c.spec, port):
		return fmt.Sprintf("fix the port in the chart: the probe uses %s, the container declares %s", port, probes.Ports(c.spec))
	case probe.Exec != nil && exits.NotExecutable.MatchString(result):
		return "fix the probe's command in the chart: it is not in the image"
	case port != "" && strings.Contains(result, "connection refused"):
		return fmt.Sprintf("check that the process listens on port %s and on all addresses: the connection was refused", port)
	case strings.Contains(result, "deadline exceeded"), strings.Contains(result, "timed out"), strings.Contains(result, "timeout"):
		return fmt.Sprintf("find out why the health check takes longer than the probe's timeout of %ds", max(1, probe.TimeoutSeconds))
	case strings.Contains(result, "statuscode: 404"):
		return "fix the probe's path, or serve it: the server returned 404"
	}
	return "check the log and the services that this one depends on: the health check failed"
}

func (p podDiagnoser) gates() []Cause {
	for _, gate := range p.pod.Spec.ReadinessGates {
		cond := podCondition(p.pod, gate.ConditionType)
		if cond != nil && cond.Status == corev1.ConditionTrue {
			continue
		}
		ready := podCondition(p.pod, corev1.ContainersReady)
		if ready == nil || ready.Status != corev1.ConditionTrue {
			return nil
		}
		c := p.cause(NotReady, string(gate.ConditionType), ready.LastTransitionTime.Time)
		c.Message = fmt.Sprintf("containers are ready, but readiness gate %s is not", gate.ConditionType)
		c.Hint = "check the controller that sets this condition on pods"
		return []Cause{c}
	}
	return nil
}

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
