package cluster

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/event"
)

// logger converts kind's log to events. kind logs the start of a step as
// " • Starting control-plane 🕹️  ..." and its end as " ✓ Starting…"
// (sigs.k8s.io/kind pkg/internal/cli/status.go).
type logger struct{ reporter event.Reporter }

// nodesStep is kind's step that starts the nodes.
const nodesStep = "Preparing nodes"

var _ kindrun.Log = logger{}

// Warn implements [kindrun.Log].
func (l logger) Warn(message string) {
	if strings.Contains(message, "cgroup v1 is deprecated") {
		return // kindConfig handles cgroup v1
	}
	l.reporter.Report(event.Warn(message))
}

// Info implements [kindrun.Log].
func (l logger) Info(message string) {
	message = strings.TrimSpace(message)
	if step, begun := strings.CutPrefix(message, "• "); begun {
		l.reporter.Report(event.Progress("", plain(step)))
	}
	if step, done := strings.CutPrefix(message, "✓ "); done && strings.HasPrefix(step, nodesStep) {
		l.reporter.Report(event.Reached(NodesRunning))
	}
}

// plain removes emoji and trailing dots.
func plain(step string) string {
	kept := strings.Map(func(r rune) rune {
		if r > unicode.MaxLatin1 {
			return -1
		}
		return r
	}, step)
	return strings.TrimRight(kept, " .")
}

var (
	klogInfo  = regexp.MustCompile(`^I\d{4} [\d:.]+ +\d+ .*\] `)
	callPlace = regexp.MustCompile(`^\t\S+:\d+$`)
)

// commandOutput returns the end of the output of kind's failed command: of kubeadm,
// without the log and the stack traces that kind's option --v=6 adds.
func commandOutput(failure error) string {
	var run *kindrun.Error
	if !errors.As(failure, &run) {
		return ""
	}
	const most = 15
	lines := strings.Split(strings.TrimSpace(string(run.Output)), "\n")
	kept := ""
	for i, n := len(lines)-1, 0; i >= 0 && n < most; i-- {
		line := strings.TrimRight(lines[i], "\r ")
		switch {
		case callPlace.MatchString(line):
			i-- // the name of the function
		case line != "" && !klogInfo.MatchString(line):
			kept = "\n  " + line + kept
			n++
		}
	}
	return kept
}
