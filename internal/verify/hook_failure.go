package verify

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// A HookFailure is what failed of a test hook: a step that it reported, or the
// hook as a whole.
type HookFailure struct {
	Hook    string
	Step    string // empty: the hook as a whole
	Message string
	Log     []string // its last lines, where nothing better tells
}

// text is `journey: step "feed from the database" failed: GET …: 500 …`.
func (f HookFailure) text() string {
	text := f.Hook + ": "
	switch {
	case f.Step == "":
		text += f.Message
	case f.Message == "":
		text += fmt.Sprintf("step %q failed", f.Step)
	default:
		text += fmt.Sprintf("step %q failed: %s", f.Step, f.Message)
	}
	for _, line := range f.Log {
		text += "\n  " + line
	}
	return text
}

// exit tells how a failed pod's container ended, and which.
func exit(pod *corev1.Pod) (container, how string) {
	for _, c := range statuses(pod) {
		end := c.State.Terminated
		if end == nil || end.ExitCode == 0 {
			continue
		}
		how = fmt.Sprintf("exit code %d", end.ExitCode)
		if end.Reason != "" && end.Reason != "Error" {
			how += ", " + end.Reason
		}
		if end.Message != "" {
			how += ": " + text.Printable(end.Message, text.MaxMessage)
		}
		return c.Name, how
	}
	return "", strings.TrimSuffix(fmt.Sprintf("its pod was ended, %s: %s", pod.Status.Reason, pod.Status.Message), ": ")
}
