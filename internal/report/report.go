// Package report renders the events of a run: a spinner for terminals, lines for
// logs, JSON lines for programs, a JUnit file for CI servers, an HTML page, a table
// of timings, and a summary. It is the only package that imports the spinner.
//
// The text forms print one line per result and no errors: the command prints each
// error once, at its end.
package report

import (
	"errors"
	"io"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// Options select the renderers of a run.
type Options struct {
	Out, Err io.Writer // results, and everything else
	JSON     bool      // also write one event per line to Out
	TTY      bool      // Err is a terminal
	Color    bool
	Width    int          // of Err in characters; 0 if unknown
	Timings  bool         // write a table of timings to Err at the end
	JUnit    JUnitOptions // no report if Path is empty
	HTML     HTMLOptions  // no report if Path is empty
}

// Closer is a reporter that must be closed before anything else is written to its
// streams. Close returns write errors.
type Closer interface {
	event.Reporter
	Close() error
}

// New returns the reporter for the options.
func New(o Options) Closer {
	lines := newLineWriter(o.Err, o.Color)
	var human Closer = &plain{lineWriter: lines, lastSeen: map[string]time.Time{}}
	if o.TTY {
		human = newTTYReporter(lines, newAnimation(o.Err), o.Width)
	}
	reporters := multiReporter{human}
	if o.JSON {
		reporters = append(reporters, NewJSON(o.Out))
	}
	if o.JUnit.Path != "" {
		reporters = append(reporters, NewJUnit(o.JUnit))
	}
	if o.HTML.Path != "" {
		reporters = append(reporters, NewHTML(o.HTML))
	}
	if o.Timings { // last, so that Close prints the table below the other lines
		reporters = append(reporters, NewTimings(o.Err, o.Color, o.Width))
	}
	return reporters
}

type multiReporter []Closer

func (m multiReporter) Report(e event.Event) {
	for _, r := range m {
		r.Report(e)
	}
}

func (m multiReporter) Close() error {
	var err error
	for _, r := range m {
		err = errors.Join(err, r.Close())
	}
	return err
}
