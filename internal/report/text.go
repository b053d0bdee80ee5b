package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// text writes the lines that both text forms share.
type text struct {
	w      io.Writer
	color  bool
	titles map[string]string // by stage ID
	err    error             // the first failed write
}

func newText(w io.Writer, color bool) *text {
	return &text{w: w, color: color, titles: map[string]string{}}
}

// announce learns the titles.
func (t *text) announce(e event.Event) {
	for _, s := range e.Plan {
		t.titles[s.ID] = s.Title
	}
}

// line gives the line for an event, or "" for one that is not worth a line.
func (t *text) line(e event.Event) string {
	switch e.Kind {
	case event.ItemFinished:
		return t.item(e)
	case event.Warning:
		return t.paint(yellow, "! ") + indentMore(e.Message, "  ")
	case event.StageFinished:
		return t.stage(e)
	case event.RecoveryStarted:
		return t.paint(yellow, "↩ ") + indentMore(e.Reason, "  ")
	case event.RunFinished:
		return t.finish(e)
	}
	return ""
}

// finish says where the evidence of a failed run is; how it went, its stages
// have said.
func (t *text) finish(e event.Event) string {
	if e.Diagnostics == "" {
		return ""
	}
	return "diagnostics: " + filepath.Join(e.Diagnostics, "index.md")
}

func (t *text) item(e event.Event) string {
	if e.Outcome == event.Unchanged {
		return ""
	}
	what := e.Item
	if e.Message != "" {
		what += ": " + e.Message
	}
	return fmt.Sprintf("    %s %s%s", t.mark(e.Outcome), indentMore(what, "      "), t.took(e.Elapsed))
}

func (t *text) stage(e event.Event) string {
	said := t.titles[e.Stage]
	// why it acted was said at its start, and what it did by its items
	if e.Outcome != event.Failed && e.Outcome != event.Done && e.Reason != "" {
		said = fmt.Sprintf("%-12s %s", said, t.paint(faint, e.Reason))
	}
	return fmt.Sprintf("%s %s%s", t.mark(e.Outcome), said, t.took(e.Elapsed))
}

func (t *text) mark(o event.Outcome) string {
	switch o {
	case event.Done:
		return t.paint(green, "✓")
	case event.Unchanged:
		return t.paint(green, "=")
	case event.Failed:
		return t.paint(red, "✗")
	}
	return t.paint(faint, "-")
}

func (t *text) took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return t.paint(faint, " ("+Duration(d)+")")
}

func (t *text) println(line string) {
	if line == "" {
		return
	}
	if _, err := fmt.Fprintln(t.w, line); err != nil && t.err == nil {
		t.err = err
	}
}

// The colours are the terminal's own, so that they fit its theme.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func (t *text) paint(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func indentMore(s, prefix string) string { return strings.ReplaceAll(s, "\n", "\n"+prefix) }

// Duration is d as a person would say it: 12ms, 1.4s, 2m05s.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
}
