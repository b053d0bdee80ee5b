// Package exits describes how containers ended.
package exits

import (
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Line formats "last run: exit code 1 after 3s: …".
func Line(end *corev1.ContainerStateTerminated) string {
	line := "last run: " + Text(end)
	if ran := end.FinishedAt.Sub(end.StartedAt.Time); !end.StartedAt.IsZero() && end.StartedAt.Unix() > 0 && ran >= 0 {
		line += fmt.Sprintf(" after %s", ran.Round(time.Second))
	}
	if end.Reason != "" && end.Reason != "Error" && !CannotStart(end) {
		line += ", " + end.Reason
	}
	if end.Message != "" {
		line += ": " + text.OneLine(end.Message)
	}
	return line
}

// Text formats "exit code 137 (SIGKILL)".
func Text(end *corev1.ContainerStateTerminated) string {
	if CannotStart(end) {
		return "could not be started"
	}
	if name := signals[end.ExitCode]; name != "" {
		return fmt.Sprintf("exit code %d (%s)", end.ExitCode, name)
	}
	return fmt.Sprintf("exit code %d", end.ExitCode)
}

var signals = map[int32]string{
	132: "illegal instruction", 134: "abort", 135: "bus error", 136: "arithmetic error", 137: "SIGKILL",
	139: "segmentation fault", 143: "SIGTERM",
}

// CannotStart reports whether the container's command could not be started.
func CannotStart(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "StartError" || end.Reason == "ContainerCannotRun"
}

// NotExecutable matches messages of containerd with runc.
var NotExecutable = regexp.MustCompile(`executable file not found|no such file or directory|permission denied|not a directory|is a directory`)
