package health

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// cardWidth bounds a card's lines: admission and runtimes can be wordy.
const cardWidth = 500

// Card renders a cause as plain lines for a person: what is wrong, where, since
// when, what the cluster says about it, the last lines of the log, and what to
// do next. It has no trailing newline and no colour.
func FormatCause(c Cause, kubectl string) []string {
	lines := []string{c.Summary()}
	lines = append(lines, field("where", c.where())...)
	lines = append(lines, field("since", c.since())...)
	lines = append(lines, field("state", c.Detail...)...)
	if len(c.LogLines) > 0 {
		lines = append(lines, field("log", fmt.Sprintf("last lines of the %s of pod %s:", c.Log.what(), c.Log.Pod))...)
		for _, l := range c.LogLines {
			lines = append(lines, "         | "+l)
		}
	}
	lines = append(lines, field("next", c.Hint)...)
	if len(c.Command) > 0 {
		lines = append(lines, field("more", cmp.Or(kubectl, "kubectl")+" "+strings.Join(c.Command, " "))...)
	}
	return lines
}

// Summary is the cause in one line, with the workload's name.
func (c Cause) Summary() string {
	return text.Truncate(fmt.Sprintf("%s: %s", c.Object.Name, c.Title()), cardWidth)
}

// Title is the cause in one line, without the workload's name.
func (c Cause) Title() string {
	switch {
	case c.Container == "":
		return c.Message
	case c.Init:
		return fmt.Sprintf("init container %s: %s", c.Container, c.Message)
	default:
		return fmt.Sprintf("container %s: %s", c.Container, c.Message)
	}
}

func (c Cause) where() string {
	parts := []string{c.Object.String()}
	if len(c.Pods) > 0 {
		parts = append(parts, some("pod", c.Pods))
	}
	if len(c.Nodes) > 0 {
		parts = append(parts, some("node", c.Nodes))
	}
	return strings.Join(parts, ", ")
}

func (c Cause) since() string {
	if c.Since.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s (%s)", clock(c.Since), max(0, c.ObservedAt.Sub(c.Since)).Round(time.Second))
}

func (l *Log) what() string {
	if l.Previous {
		return "previous run"
	}
	return "log"
}

// field is a labelled line; more values stand below the first, and none at all
// give no line.
func field(label string, values ...string) []string {
	var lines []string
	for _, v := range values {
		if v == "" {
			continue
		}
		lines = append(lines, fmt.Sprintf("  %-6s %s", label, text.Truncate(v, cardWidth)))
		label = ""
	}
	return lines
}

// some is "pod a" or "pods a, b and 3 more".
func some(what string, names []string) string {
	const most = 3
	switch n := len(names); {
	case n == 1:
		return what + " " + names[0]
	case n <= most:
		return what + "s " + strings.Join(names, ", ")
	default:
		return fmt.Sprintf("%ss %s and %d more", what, strings.Join(names[:most], ", "), n-most)
	}
}
