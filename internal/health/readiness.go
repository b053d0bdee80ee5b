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

// notReady diagnoses a failing probe. This is never fatal: the probe may succeed
// at any time.
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
	found.Message = fmt.Sprintf("running, but %s probe failed: %s", strings.ToLower(kind), probeResult(failed.message))
	found.Detail = append([]string{c.stateLine()}, c.probeLines(kind, probe)...)
	if n := c.status.RestartCount; n > 0 {
		found.Detail = append(found.Detail, text.Plural(n, "restart"))
	}
	found.Hint = c.probeHint(probe, failed.message)
	found.Log = &Log{Pod: c.pod.Name, Container: c.spec.Name}
	return found, true
}

func (c containerDiagnoser) probeFailures(kind string) eventSummary {
	return c.events("Unhealthy", kind+" probe")
}

// probePrefix matches prefixes of the event recorder and the kubelet
// (pkg/kubelet/prober/prober.go).
var probePrefix = regexp.MustCompile(`^(\(combined from similar events\): )?\w+ probe (failed|errored[\w ]*): ?`)

func probeResult(message string) string {
	return cmp.Or(text.OneLine(probePrefix.ReplaceAllString(message, "")), "no response")
}

func (c containerDiagnoser) probeLines(kind string, probe *corev1.Probe) []string {
	if probe == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("%s probe: %s", strings.ToLower(kind), describe(probe))}
	if f := c.probeFailures(kind); f.seen() {
		lines = append(lines, fmt.Sprintf("last failure at %s (%s since %s): %s",
			clock(f.last), text.Plural(f.count, "failure"), clock(f.first), probeResult(f.message)))
	}
	return lines
}

// describe formats a probe: "GET http://:4000/health every 5s".
func describe(probe *corev1.Probe) string {
	var action string
	switch {
	case probe.HTTPGet != nil:
		scheme := strings.ToLower(cmp.Or(string(probe.HTTPGet.Scheme), "http"))
		action = fmt.Sprintf("GET %s://%s:%s/%s", scheme, probe.HTTPGet.Host, probe.HTTPGet.Port.String(), strings.TrimPrefix(probe.HTTPGet.Path, "/"))
	case probe.TCPSocket != nil:
		action = "connect to port " + probe.TCPSocket.Port.String()
	case probe.GRPC != nil:
		action = fmt.Sprintf("gRPC health on port %d", probe.GRPC.Port)
		if s := probe.GRPC.Service; s != nil && *s != "" {
			action += ", service " + *s
		}
	case probe.Exec != nil:
		action = "run " + text.OneLine(strings.Join(probe.Exec.Command, " "))
	}
	return fmt.Sprintf("%s every %ds", action, max(1, probe.PeriodSeconds))
}

func (c containerDiagnoser) probeHint(probe *corev1.Probe, result string) string {
	port := probePort(probe)
	switch {
	case port != "" && !c.declares(port):
		return fmt.Sprintf("fix the port in the chart: the probe uses %s, the container declares %s", port, c.ports())
	case probe.Exec != nil && notExecutable.MatchString(result):
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

// probePort returns the pod's port that the probe uses, or "".
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

// declares reports whether the container declares the port, or no ports.
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
		port := strconv.Itoa(int(p.ContainerPort))
		if p.Name != "" {
			port += " (" + p.Name + ")"
		}
		parts = append(parts, port)
	}
	return strings.Join(parts, ", ")
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
