package health

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// notReady judges a running container whose probe does not pass. It may pass at
// any time, so this is never fatal before the deadline.
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
	answer := c.answer(kind)
	if !answer.seen() {
		return Cause{}, false // the probe has not failed yet
	}
	found := c.cause(NotReady, kind, answer.first)
	found.evidence = answer.last
	found.Message = fmt.Sprintf("runs, but its %s probe does not pass: %s", strings.ToLower(kind), probeAnswer(answer.message))
	found.Detail = append([]string{c.stateLine()}, c.probeLines(kind, probe)...)
	if n := c.status.RestartCount; n > 0 {
		found.Detail = append(found.Detail, text.Plural(n, "restart"))
	}
	found.Hint = c.probeHint(probe, answer.message)
	found.Log = &Log{Pod: c.pod.Name, Container: c.spec.Name}
	return found, true
}

// answer are the kubelet's events about a kind of probe of the container.
func (c containerDiagnoser) answer(kind string) eventSummary {
	return c.events("Unhealthy", kind+" probe")
}

// probeIntro is how the kubelet begins (pkg/kubelet/prober/prober.go), after what
// the event recorder puts before repeated ones.
var probeIntro = regexp.MustCompile(`^(\(combined from similar events\): )?\w+ probe (failed|errored[\w ]*): ?`)

// probeAnswer cuts the kubelet's introduction off: what is left is the answer.
func probeAnswer(message string) string {
	return cmp.Or(text.OneLine(probeIntro.ReplaceAllString(message, "")), "no answer")
}

// probeLines describe a probe and its last answer.
func (c containerDiagnoser) probeLines(kind string, probe *corev1.Probe) []string {
	if probe == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("%s probe: %s", strings.ToLower(kind), describe(probe))}
	if a := c.answer(kind); a.seen() {
		lines = append(lines, fmt.Sprintf("last answer at %s (%s since %s): %s",
			clock(a.last), text.Plural(a.count, "failure"), clock(a.first), probeAnswer(a.message)))
	}
	return lines
}

// describe is "GET http://:4000/health every 5s".
func describe(probe *corev1.Probe) string {
	var what string
	switch {
	case probe.HTTPGet != nil:
		scheme := strings.ToLower(cmp.Or(string(probe.HTTPGet.Scheme), "http"))
		what = fmt.Sprintf("GET %s://%s:%s/%s", scheme, probe.HTTPGet.Host, probe.HTTPGet.Port.String(), strings.TrimPrefix(probe.HTTPGet.Path, "/"))
	case probe.TCPSocket != nil:
		what = "connect to port " + probe.TCPSocket.Port.String()
	case probe.GRPC != nil:
		what = fmt.Sprintf("gRPC health on port %d", probe.GRPC.Port)
		if s := probe.GRPC.Service; s != nil && *s != "" {
			what += ", service " + *s
		}
	case probe.Exec != nil:
		what = "run " + text.OneLine(strings.Join(probe.Exec.Command, " "))
	}
	return fmt.Sprintf("%s every %ds", what, max(1, probe.PeriodSeconds))
}

// probeHint says what the answer points to.
func (c containerDiagnoser) probeHint(probe *corev1.Probe, answer string) string {
	port := probePort(probe)
	switch {
	case port != "" && !c.declares(port):
		return fmt.Sprintf("The probe asks port %s; the container declares %s. Fix one of them in the chart.", port, c.ports())
	case probe.Exec != nil && notExecutable.MatchString(answer):
		return "The probe's command is not in the image: fix it in the chart."
	case strings.Contains(answer, "connection refused"):
		return fmt.Sprintf("Nothing listens on port %s of the container: does the process listen there, and on all addresses?", port)
	case strings.Contains(answer, "deadline exceeded"), strings.Contains(answer, "timed out"), strings.Contains(answer, "timeout"):
		return fmt.Sprintf("The answer takes longer than the probe's timeout of %ds: what does the health check wait for?", max(1, probe.TimeoutSeconds))
	case strings.Contains(answer, "statuscode: 404"):
		return "The server has no such path: fix the probe's path, or serve it."
	}
	return "The health check says no: read the log, and look at what the service depends on."
}

// probePort is the port that a probe asks, or "" if it asks none or not the pod.
func probePort(probe *corev1.Probe) string {
	switch {
	case probe.HTTPGet != nil && probe.HTTPGet.Host == "":
		return probe.HTTPGet.Port.String()
	case probe.TCPSocket != nil && probe.TCPSocket.Host == "":
		return probe.TCPSocket.Port.String()
	case probe.GRPC != nil:
		return strconv.Itoa(int(probe.GRPC.Port))
	}
	return ""
}

// declares reports whether the container declares the port. One that declares
// no port may still listen on any.
func (c containerDiagnoser) declares(port string) bool {
	want := intstr.Parse(port)
	for _, p := range c.spec.Ports {
		if p.Name == port || want.Type == intstr.Int && p.ContainerPort == want.IntVal {
			return true
		}
	}
	return len(c.spec.Ports) == 0
}

func (c containerDiagnoser) ports() string {
	var parts []string
	for _, p := range c.spec.Ports {
		text := strconv.Itoa(int(p.ContainerPort))
		if p.Name != "" {
			text += " (" + p.Name + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// gates judges a pod whose containers are ready and which is not: a readiness
// gate waits for somebody else's condition.
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
		c.Message = fmt.Sprintf("its containers are ready, its readiness gate %s is not", gate.ConditionType)
		c.Hint = "Look at the controller that sets this condition on pods."
		return []Cause{c}
	}
	return nil
}
