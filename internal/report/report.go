// Package report renders the events of a run: a spinner for a person at a
// terminal, plain lines for a log, JSON lines for a program, and a summary.
// It is the only importer of the spinner.
//
// The rules of the text forms are: what was done gets a line when it is done;
// what already was as wanted gets no line of its own; nothing is said twice.
// Errors are not rendered here: the command prints them once, at its end.
package report

import (
	"io"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// Options choose the renderers of a run.
type Options struct {
	Out, Err io.Writer // results and everything else
	JSON     bool      // one event a line to Out, beside the text on Err
	TTY      bool      // Err is a terminal: animate
	Color    bool
}

// A Closer is a reporter that must be closed before anything else is written to
// its streams.
type Closer interface {
	event.Reporter
	Close() error // the first failed write, if any
}

// New gives the reporter for the options.
func New(o Options) Closer {
	text := newText(o.Err, o.Color)
	var human Closer = &plain{text: text, quiet: map[string]time.Time{}}
	if o.TTY {
		human = newAnimated(text, newSpinner(o.Err))
	}
	if !o.JSON {
		return human
	}
	return both{human, NewJSON(o.Out)}
}

// both reports to a person and to a program.
type both struct {
	human   Closer
	program *JSON
}

func (b both) Report(e event.Event) {
	b.human.Report(e)
	b.program.Report(e)
}

func (b both) Close() error {
	if err := b.human.Close(); err != nil {
		return err
	}
	return b.program.Close()
}
