// Package probes describes probes and their results.
package probes

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
