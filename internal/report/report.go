// Package report renders the events of a run: a spinner for a person at a
// terminal, plain lines for a log, JSON lines for a program, a JUnit file for a
// CI server, an HTML page with a picture, a table of timings, and a summary.
// It is the only importer of the spinner.
//
// The rules of the text forms are: what was done gets a line when it is done;
// what already was as wanted gets no line of its own; nothing is said twice.
// Errors are not rendered here: the command prints them once, at its end.
package report

import (
	"errors"
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
	Width    int          // of Err in characters; 0 is not known
	Timings  bool         // where the time went, to Err when the run is over
	JUnit    JUnitOptions // none without a Path
	HTML     HTMLOptions  // none without a Path
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
	reporters := all{human}
	if o.JSON {
		reporters = append(reporters, NewJSON(o.Out))
	}
	if o.JUnit.Path != "" {
		reporters = append(reporters, NewJUnit(o.JUnit))
	}
	if o.HTML.Path != "" {
		reporters = append(reporters, NewHTML(o.HTML))
	}
	if o.Timings { // its Close writes behind that of human
		reporters = append(reporters, NewTimings(o.Err, o.Color, o.Width))
	}
	return reporters
}

// all report to a person and to programs.
type all []Closer

func (a all) Report(e event.Event) {
	for _, r := range a {
		r.Report(e)
	}
}

func (a all) Close() error {
	var err error
	for _, r := range a {
		err = errors.Join(err, r.Close())
	}
	return err
}
