package report

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// lineWriter writes the lines that terminal and log share.
type lineWriter struct {
	out    io.Writer
	color  bool
	titles map[string]string // by stage ID
	err    error             // first write error
}

func newLineWriter(out io.Writer, color bool) *lineWriter {
	return &lineWriter{out: out, color: color, titles: map[string]string{}}
}

func (w *lineWriter) writeError() error { return w.err }

func (w *lineWriter) addTitles(e event.Event) {
	for _, s := range e.Plan {
		w.titles[s.ID] = s.Title
	}
}

func (w *lineWriter) line(e event.Event) string {
	switch e.Kind {
	case event.ItemProgress:
		return w.log(e)
	case event.ItemFinished:
		return w.item(e)
	case event.Warning:
		return w.paint(yellow, "! ") + text.Indent(e.Message, "  ")
	case event.StageFinished:
		return w.stage(e)
	case event.RecoveryStarted:
		return w.paint(yellow, "↩ ") + text.Indent(e.Reason, "  ")
	case event.RunFinished:
		return w.run(e)
	}
	return ""
}

func (w *lineWriter) log(e event.Event) string {
	if !e.Log {
		return ""
	}
	return "    " + w.paint(faint, "| ") + progressText(e)
}

// run returns only the path of the support bundle: the stages have reported the
// rest.
func (w *lineWriter) run(e event.Event) string {
	if e.Diagnostics == "" {
		return ""
	}
	return "support bundle: " + filepath.Join(e.Diagnostics, "index.md")
}

func (w *lineWriter) item(e event.Event) string {
	if e.Outcome == event.Unchanged {
		return ""
	}
	what := e.Item
	if e.Message != "" {
		what += ": " + e.Message
	}
	line := fmt.Sprintf("    %s %s%s", w.mark(e.Outcome), text.Indent(what, "      "), w.took(e.Elapsed))
	if err := reasonOf(e); err != nil {
		line += "\n      " + text.Indent(err.Error(), "      ")
	}
	return line
}

// reasonOf returns the error of a failed item that has no other text. It is shown with
// the item, because the other items may take minutes.
func reasonOf(e event.Event) error {
	if e.Kind != event.ItemFinished || e.Outcome != event.Failed || e.Message != "" {
		return nil
	}
	return e.Err
}

// stage omits the reason if the stage has run: its start and its items have
// reported it.
func (w *lineWriter) stage(e event.Event) string {
	title := w.titles[e.Stage]
	switch e.Outcome {
	case event.Failed, event.Done:
		return w.mark(e.Outcome) + " " + title + w.took(e.Elapsed)
	case event.Unchanged:
		return w.paint(faint, fmt.Sprintf("= %-9s %s%s", title, e.Reason, took(e.Elapsed)))
	}
	return w.paint(faint, fmt.Sprintf("- %-9s %s%s", title, join(string(e.Outcome), e.Reason), took(e.Elapsed)))
}

func (w *lineWriter) mark(o event.Outcome) string {
	switch o {
	case event.Done:
		return w.paint(green, "✓")
	case event.Unchanged:
		return w.paint(faint, "=")
	case event.Failed:
		return w.paint(red, "✗")
	}
	return w.paint(faint, "-")
}

func (w *lineWriter) took(d time.Duration) string { return w.paint(faint, took(d)) }

func took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " (" + text.Duration(d) + ")"
}

func (w *lineWriter) println(line string) {
	if line == "" {
		return
	}
	if _, err := fmt.Fprintln(w.out, line); err != nil && w.err == nil {
		w.err = err
	}
}

// Colors of the terminal's palette, which fit its theme.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func (w *lineWriter) paint(code, s string) string {
	if !w.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
