// Package report renders the events of a run: a spinner for terminals, lines for
// logs, JSON lines for programs, a JUnit file for CI servers, an HTML page, a table
// of timings, and a summary. It is the only package that imports the spinner.
//
// The text forms print one line per result, and the error of an item that failed
// without another text. The command prints all other errors at its end.
package report

import (
	"errors"
	"io"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// Options select the renderers of a run.
type Options struct {
	Out, Err io.Writer // results, and everything else
	JSON     bool      // also write one event per line to Out
	TTY      bool      // Err is a terminal
	Color    bool
	Width    int          // of Err in columns; 0 if unknown
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

// Reporter renders a run. Call Finish before run.finished, and Close after it.
type Reporter struct {
	text     []stream // to Err
	json     []stream // to Out; none or one
	files    []Closer
	shown    []error // with their items
	finished bool    // Finish has written the files
	counted  error   // write error that Finish has returned
}

// stream is a reporter that writes while the run continues.
type stream interface {
	Closer
	writeError() error // the first one, or nil
}

var _ Closer = (*Reporter)(nil)

// New returns the reporter for the options.
func New(o Options) *Reporter {
	r := &Reporter{}
	lines := newLineWriter(o.Err, o.Color)
	if o.TTY {
		r.text = append(r.text, newTTYReporter(lines, newAnimation(o.Err), o.Width))
	} else {
		r.text = append(r.text, &plain{lineWriter: lines, lastSeen: map[string]time.Time{}, lastReason: map[string]string{}})
	}
	if o.Timings { // last, so that Close prints the table below the other lines
		r.text = append(r.text, NewTimings(o.Err, o.Color, o.Width))
	}
	if o.JSON {
		r.json = append(r.json, NewJSON(o.Out))
	}
	if o.JUnit.Path != "" {
		r.files = append(r.files, NewJUnit(o.JUnit))
	}
	if o.HTML.Path != "" {
		r.files = append(r.files, NewHTML(o.HTML))
	}
	return r
}

// Report renders e.
func (r *Reporter) Report(e event.Event) {
	if err := reasonOf(e); err != nil {
		r.shown = append(r.shown, err)
	}
	for _, s := range r.text {
		s.Report(visible(e))
	}
	for _, s := range r.json {
		s.Report(e)
	}
	for _, f := range r.files {
		f.Report(e)
	}
}

// Shown reports whether the text has shown err with its item.
func (r *Reporter) Shown(err error) bool {
	return slices.ContainsFunc(r.shown, func(shown error) bool { return errors.Is(err, shown) })
}

// Finish writes the files of a run that ends with finished. Its error, which includes
// earlier write errors of the streams, counts as one of the run: run.finished must
// have its exit code. After an error, call Finish again with that exit code, for the
// files that can be written.
func (r *Reporter) Finish(finished event.Event) error {
	r.finished, r.counted = true, nil
	for _, s := range r.streams() {
		r.counted = errors.Join(r.counted, s.writeError())
	}
	for _, f := range r.files {
		f.Report(finished)
	}
	return errors.Join(closeAll(r.files), r.counted)
}

// Close ends the output and returns write errors. After Finish these are new errors of
// Out only: the exit code is known, and text for people must not change it.
func (r *Reporter) Close() error {
	text, json := closeAll(r.text), closeAll(r.json)
	switch {
	case !r.finished:
		return errors.Join(text, json, closeAll(r.files))
	case r.counted != nil:
		return nil
	}
	return json
}

func (r *Reporter) streams() []stream { return slices.Concat(r.text, r.json) }

func closeAll[C Closer](closers []C) error {
	var err error
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	return err
}
