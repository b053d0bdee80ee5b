package health

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// cardWidth limits the lines of a card: admission messages can be very long.
const cardWidth = 500

// FormatCause formats a cause as a card of plain lines. kubectl is the command in
// the last line, by default "kubectl".
func FormatCause(c Cause, kubectl string) []string {
	lines := []string{c.Summary()}
	lines = append(lines, field("where", c.where())...)
	lines = append(lines, field("since", c.since())...)
	lines = append(lines, field("state", c.Detail...)...)
	if len(c.LogLines) > 0 {
		lines = append(lines, field("log", fmt.Sprintf("last lines of pod %s%s:", c.Log.Pod, c.Log.suffix()))...)
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

// Summary returns the workload's name and the title in one line.
func (c Cause) Summary() string {
	return text.Truncate(fmt.Sprintf("%s: %s", c.Object.Name, c.Title()), cardWidth)
}

// Title returns the container's name, if any, and the message in one line.
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

// Progress returns the title and, unless the cause is fatal, what may heal it in
// one line: "…; waiting for web-1 to end (12s of 30s)".
func (c Cause) Progress() string {
	line := text.Truncate(c.Title(), cardWidth)
	if waiting := c.waiting(); waiting != "" {
		line += "; " + waiting
	}
	if c.Waited != "" && !c.Fatal() {
		line += " (" + c.Waited + ")"
	}
	return line
}

// Key identifies the problem and what may heal it. Unlike the text, it does not
// change with counts, times and the identifiers in messages.
func (c Cause) Key() string {
	return fmt.Sprintf("%s %s %s %s", c.Reason, c.Container, c.subject, c.waiting())
}

func (c Cause) waiting() string {
	switch {
	case c.Fatal() || !c.Proven():
		return ""
	case c.Waiting != "":
		return c.Waiting
	}
	return "waiting: may heal"
}

func (c Cause) where() string {
	parts := []string{c.Object.String()}
	if len(c.Pods) > 0 {
		parts = append(parts, shortList("pod", c.Pods))
	}
	if len(c.Nodes) > 0 {
		parts = append(parts, shortList("node", c.Nodes))
	}
	return strings.Join(parts, ", ")
}

func (c Cause) since() string {
	if c.Since.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s (%s)", clock(c.Since), max(0, c.ObservedAt.Sub(c.Since)).Round(time.Second))
}

func (l *Log) suffix() string {
	if l.Previous {
		return ", previous run"
	}
	return ""
}

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

// shortList formats "pod a" or "pods a, b, c and 3 more".
func shortList(noun string, names []string) string {
	if len(names) > 1 {
		noun += "s"
	}
	return noun + " " + text.Abbreviate(names, 3)
}
