package health

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/probes"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// notReady diagnoses a failing probe. This is not fatal, because the probe may
// succeed at any time, unless nothing listens on its port although the process has
// started; see refused.
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
	if !failed.Seen() {
		return Cause{}, false
	}
	found := c.cause(NotReady, kind, failed.First)
	found.evidence = failed.Last
	if kind == "Readiness" && probes.Refused(probe, failed.Message) {
		c.refused(&found, probe)
	}
	found.Lasting = probes.Rejected(failed.Message)
	found.Message = fmt.Sprintf("running, but %s probe failed: %s", strings.ToLower(kind), probes.Result(failed.Message))
	found.Detail = append([]string{c.stateLine()}, c.probeLines(kind, probe)...)
	if n := c.status.RestartCount; n > 0 {
		found.Detail = append(found.Detail, text.Plural(n, "restart"))
	}
	found.Hint = probes.Hint(c.spec, probe, failed.Message)
	found.Log = &Log{Pod: c.pod.Name, Container: c.spec.Name}
	return found, true
}

// refused makes a refused connection fatal if the process has started, because its
// startup probe has succeeded, or if it listens on a port that the container
// declares and the probe uses another one.
func (c containerDiagnoser) refused(found *Cause, probe *corev1.Probe) {
	since := c.d.index.snapshot.Listening[c.pod.UID]
	switch {
	case c.spec.StartupProbe != nil:
		*found = found.after(c.d.thresholds.Port)
	case probes.Declares(c.spec, probes.Port(probe)):
	case since.IsZero():
		found.Declared = c.spec.Ports
	case found.evidence.After(since):
		found.FatalAt = latest(found.Since, since).Add(c.d.thresholds.Port)
	}
}

func (c containerDiagnoser) probeFailures(kind string) events.Summary {
	return c.events("Unhealthy", kind+" probe")
}

func (c containerDiagnoser) probeLines(kind string, probe *corev1.Probe) []string {
	if probe == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("%s probe: %s", strings.ToLower(kind), probes.Describe(probe))}
	if f := c.probeFailures(kind); f.Seen() {
		lines = append(lines, fmt.Sprintf("last failure at %s (%s since %s): %s",
			clock(f.Last), text.Plural(f.Count, "failure"), clock(f.First), probes.Result(f.Message)))
	}
	return lines
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
	quiet := latest(s.State.Running.StartedAt.Time, ix.summarize(pod.UID, events.WithContainerReason(c.Name, "Unhealthy", "Liveness probe")).Last)
	need := thresholds.MinReady
	for range min(ix.restarts(pod, s), 8) {
		need = min(2*need, thresholds.MaxMinReady)
	}
	need = max(need, min(time.Duration(thresholds.MinReadyLagFactor)*probes.KubeletLag(pod), thresholds.MaxMinReady))
	return now.Sub(quiet) >= need
}
