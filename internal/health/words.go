package health

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// stateLine is the container's present state: "waiting, CrashLoopBackOff: …".
func (c containerJudge) stateLine() string {
	switch s := c.status.State; {
	case s.Waiting != nil && s.Waiting.Message != "":
		return fmt.Sprintf("waiting, %s: %s", s.Waiting.Reason, withoutPod(s.Waiting.Message))
	case s.Waiting != nil:
		return "waiting, " + orElse(s.Waiting.Reason, "no reason given")
	case s.Running != nil:
		return fmt.Sprintf("running since %s, not ready", clock(s.Running.StartedAt.Time))
	case s.Terminated != nil:
		return "ended, " + orElse(s.Terminated.Reason, "no reason given")
	}
	return "unknown"
}

// endLines are the container's state and how its last run ended, without saying
// the same twice.
func (c containerJudge) endLines(end *corev1.ContainerStateTerminated) []string {
	if c.status.State.Terminated != nil {
		return []string{endLine(end)}
	}
	if w := c.status.State.Waiting; w != nil && w.Message == end.Message {
		short := *end
		short.Message = ""
		end = &short
	}
	return []string{c.stateLine(), endLine(end)}
}

// endLine is how a run ended: "the last run ended with status 1 after 3s: …".
func endLine(end *corev1.ContainerStateTerminated) string {
	line := "the last run ended: " + exitText(end)
	if end.Reason != "" && end.Reason != "Error" && !cannotStart(end) {
		line += ", " + end.Reason
	}
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

// withoutPod cuts off where the kubelet repeats the pod's name and uid: the same
// words then stand for all pods.
func withoutPod(message string) string {
	return podSuffix.ReplaceAllString(oneLine(message), "")
}

var podSuffix = regexp.MustCompile(` (\(pod: "|pod=).*$`)

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

// amount is a quantity as a person writes it: "0.5", "1000", "23.5Gi".
func amount(q resource.Quantity) string {
	for i, unit := range []string{"Gi", "Mi"} {
		if size := float64(int64(1) << (30 - 10*i)); q.AsApproximateFloat64() >= size {
			return strconv.FormatFloat(math.Round(10*q.AsApproximateFloat64()/size)/10, 'f', -1, 64) + unit
		}
	}
	return strconv.FormatFloat(q.AsApproximateFloat64(), 'f', -1, 64)
}
