// Package probes describes probes and their results.
package probes

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// prefix matches prefixes of the event recorder and the kubelet
// (pkg/kubelet/prober/prober.go).
var prefix = regexp.MustCompile(`^(\(combined from similar events\): )?\w+ probe (failed|errored[\w ]*): ?`)

// Result returns the result in the message of an Unhealthy event.
func Result(message string) string {
	return cmp.Or(text.OneLine(prefix.ReplaceAllString(message, "")), "no response")
}

// Refused reports whether nothing listens on the port that the probe uses.
func Refused(probe *corev1.Probe, message string) bool {
	return Port(probe) != "" && strings.Contains(message, "connection refused")
}

var clientError = regexp.MustCompile(`statuscode: 4(\d\d)`)

// Rejected reports whether a server answered that the request is wrong, such as
// with 404. A server that is starting refuses connections, or answers with 503.
func Rejected(message string) bool {
	m := clientError.FindStringSubmatch(message)
	return m != nil && !slices.Contains([]string{"08", "25", "29"}, m[1]) // timeout, too early, too many requests
}

// Describe formats a probe: "GET http://:4000/health every 5s".
func Describe(probe *corev1.Probe) string {
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

// Port returns the pod's port that the probe uses, or "".
func Port(probe *corev1.Probe) string {
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

// Declares reports whether the container declares the port, or no ports.
func Declares(container corev1.Container, port string) bool {
	want := intstr.Parse(port)
	for _, p := range container.Ports {
		if p.Name == port || want.Type == intstr.Int && p.ContainerPort == want.IntVal {
			return true
		}
	}
	return len(container.Ports) == 0
}

// Ports formats the ports that a container declares: "8080 (http), 9090".
func Ports(container corev1.Container) string {
	var parts []string
	for _, p := range container.Ports {
		port := strconv.Itoa(int(p.ContainerPort))
		if p.Name != "" {
			port += " (" + p.Name + ")"
		}
		parts = append(parts, port)
	}
	return strings.Join(parts, ", ")
}

// Hint returns what to do about a failed probe of the container.
func Hint(container corev1.Container, probe *corev1.Probe, result string) string {
	port := Port(probe)
	switch {
	case port != "" && !Declares(container, port):
		return fmt.Sprintf("fix the port in the chart: the probe uses %s, the container declares %s", port, Ports(container))
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

// KubeletLag returns how late the kubelet reports a container's start. It reports
// crashes just as late. The lag is unknown if there are probes, which take time
// too.
func KubeletLag(pod *corev1.Pod) time.Duration {
	probed := func(c corev1.Container) bool { return c.ReadinessProbe != nil || c.StartupProbe != nil }
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.ContainersReady })
	if i < 0 || slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), probed) {
		return 0
	}
	var started time.Time
	for _, s := range pod.Status.ContainerStatuses {
		if r := s.State.Running; r != nil && r.StartedAt.After(started) {
			started = r.StartedAt.Time
		}
	}
	return pod.Status.Conditions[i].LastTransitionTime.Sub(started)
}
