package probes

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestRejected(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		"Readiness probe failed: HTTP probe failed with statuscode: 404":    true,
		"Readiness probe failed: HTTP probe failed with statuscode: 401":    true,
		"Readiness probe failed: HTTP probe failed with statuscode: 429":    false,
		"Readiness probe failed: HTTP probe failed with statuscode: 503":    false,
		"Readiness probe failed: dial tcp 192.0.2.1:8080: connect: refused": false,
	} {
		if got := Rejected(message); got != want {
			t.Errorf("%s: got %t, want %t", message, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	web := corev1.Container{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}
	get := func(port int) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt(port)}}}
	}
	run := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"check"}}}}
	tests := []struct {
		name   string
		probe  *corev1.Probe
		result string
		want   string
	}{
		{"names an undeclared port", get(9999), "connection refused", "fix the port in the chart: the probe uses 9999, the container declares 8080 (http)"},
		{"names the port that refuses", get(8080), "connection refused", "check that the process listens on port 8080 and on all addresses: the connection was refused"},
		{"names no port for a command", run, "curl: (7) connection refused", "check the log and the services that this one depends on: the health check failed"},
		{"names a missing command", run, `exec: "check": executable file not found in $PATH`, "fix the probe's command in the chart: it is not in the image"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Hint(web, test.probe, test.result); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if strings.Contains(Describe(test.probe), "%!") {
				t.Errorf("got description %q", Describe(test.probe))
			}
		})
	}
}
