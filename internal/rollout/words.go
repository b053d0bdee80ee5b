package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// stateLine is the container's present state: "waiting, CrashLoopBackOff: …".
func (c containerJudge) stateLine() string {
	switch s := c.status.State; {
	case s.Waiting != nil && s.Waiting.Message != "":
		return oneLine(fmt.Sprintf("waiting, %s: %s", s.Waiting.Reason, s.Waiting.Message))
	case s.Waiting != nil:
		return "waiting, " + orElse(s.Waiting.Reason, "no reason given")
	case s.Running != nil:
		return fmt.Sprintf("running since %s, not ready", clock(s.Running.StartedAt.Time))
	case s.Terminated != nil:
		return "ended, " + orElse(s.Terminated.Reason, "no reason given")
	}
	return "unknown"
}

// endLine is how a run ended: "the last run ended with status 1 after 3s: …".
func endLine(end *corev1.ContainerStateTerminated) string {
	line := "the last run ended: " + exitText(end)
	if ran := end.FinishedAt.Sub(end.StartedAt.Time); !end.StartedAt.IsZero() && end.StartedAt.Unix() > 0 && ran >= 0 {
		line += fmt.Sprintf(" after %s", ran.Round(time.Second))
	}
	if end.Message != "" {
		line += ": " + oneLine(end.Message)
	}
	return line
}

// signals are the exit codes 128+n of the signals that tell a story.
var signals = map[int32]string{
	132: "illegal instruction", 134: "abort", 135: "bus error", 136: "arithmetic error", 137: "SIGKILL",
	139: "segmentation fault", 143: "SIGTERM",
}

func exitText(end *corev1.ContainerStateTerminated) string {
	if cannotStart(end) {
		return "it could not be started"
	}
	if name := signals[end.ExitCode]; name != "" {
		return fmt.Sprintf("exit status %d (%s)", end.ExitCode, name)
	}
	return fmt.Sprintf("exit status %d", end.ExitCode)
}

// containerStatuses are those of the pod's containers, init containers first.
func containerStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

func times(n int32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// oneLine makes one line of a message of several.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cut bounds a line for display. Nothing is cut before secrets are removed: the
// rest of a secret would not be recognised.
func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width]) + "…"
	}
	return s
}
