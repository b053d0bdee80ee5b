package cluster

import (
	"fmt"
	"strings"
	"unicode"

	"sigs.k8s.io/kind/pkg/log"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// logger turns kind's log into events. kind's steps arrive as the info lines
// " • Starting control-plane 🕹️  ..." and, when done, " ✓ Starting…"
// (sigs.k8s.io/kind pkg/internal/cli/status.go).
type logger struct{ reporter event.Reporter }

// nodesStep is kind's step at whose end every node's container runs.
const nodesStep = "Preparing nodes"

var _ log.Logger = logger{}

func (l logger) Warn(message string)              { l.warn(message) }
func (l logger) Warnf(format string, args ...any) { l.warn(fmt.Sprintf(format, args...)) }

// Errors are returned by kind as well; saying them twice would not help.
func (l logger) Error(string)          {}
func (l logger) Errorf(string, ...any) {}

func (l logger) V(level log.Level) log.InfoLogger { return infoLogger{l, level == 0} }

func (l logger) warn(message string) {
	if strings.Contains(message, "cgroup v1 is deprecated") {
		return // the machine's owner knows, and the cluster is configured for it
	}
	l.reporter.Report(event.Warn(message))
}

type infoLogger struct {
	logger
	enabled bool
}

func (l infoLogger) Enabled() bool                    { return l.enabled }
func (l infoLogger) Infof(format string, args ...any) { l.Info(fmt.Sprintf(format, args...)) }

func (l infoLogger) Info(message string) {
	if !l.enabled {
		return
	}
	message = strings.TrimSpace(message)
	if step, begun := strings.CutPrefix(message, "• "); begun {
		l.reporter.Report(event.Progress("", plain(step)))
	}
	if step, done := strings.CutPrefix(message, "✓ "); done && strings.HasPrefix(step, nodesStep) {
		l.reporter.Report(event.Reached(NodesRunning))
	}
}

// plain drops the pictures and the trailing dots of kind's steps.
func plain(step string) string {
	kept := strings.Map(func(r rune) rune {
		if r > unicode.MaxLatin1 {
			return -1
		}
		return r
	}, step)
	return strings.TrimRight(kept, " .")
}
