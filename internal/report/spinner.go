package report

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"

	briandowns "github.com/briandowns/spinner"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// animation is the part of a spinner that ttyReporter uses.
type animation interface {
	Update(suffix string) // starts the spinner if it is stopped
	Stop()                // returns when the line is cleared
}

// ttyReporter writes lines to a terminal. Below them, one live line shows the
// progress of each running stage.
type ttyReporter struct {
	*lineWriter
	animation animation
	width     int      // of the live line
	running   []string // stage IDs, by start
	progress  map[string]string
}

// defaultWidth is for a terminal that reports no size.
const defaultWidth = 80

func newTTYReporter(w *lineWriter, a animation, width int) *ttyReporter {
	if width <= 0 {
		width = defaultWidth
	}
	const reserved = 3 // spinner, space and the last column, where terminals wrap
	return &ttyReporter{lineWriter: w, animation: a, width: width - reserved, progress: map[string]string{}}
}

func (r *ttyReporter) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted, event.RecoveryStarted:
		r.addTitles(e)
	case event.StageStarted:
		r.running = append(r.running, e.Stage)
		r.progress[e.Stage] = e.Reason
	case event.ItemProgress:
		r.progress[e.Stage] = progressText(e)
	case event.StageFinished:
		r.running = slices.DeleteFunc(r.running, func(id string) bool { return id == e.Stage })
	}
	if line := r.line(e); line != "" {
		r.animation.Stop()
		r.println(line)
	}
	r.animate()
}

func (r *ttyReporter) animate() {
	if len(r.running) == 0 {
		r.animation.Stop()
		return
	}
	var parts []string
	for _, id := range r.running {
		parts = append(parts, r.titles[id]+": "+r.progress[id])
	}
	r.animation.Update(shorten(strings.Join(parts, " · "), r.width))
}

func (r *ttyReporter) Close() error {
	r.animation.Stop()
	return r.err
}

type spinner struct {
	file   *os.File
	active *briandowns.Spinner
}

func newAnimation(w io.Writer) animation {
	file, isFile := w.(*os.File)
	if !isFile { // not a terminal
		return noopSpinner{}
	}
	return &spinner{file: file}
}

func (s *spinner) Update(suffix string) {
	suffix = " " + suffix
	if s.active == nil {
		s.active = briandowns.New(briandowns.CharSets[14], 100*time.Millisecond, briandowns.WithWriterFile(s.file), briandowns.WithHiddenCursor(true))
		s.active.Suffix = suffix
		s.active.Start()
		return
	}
	s.active.Lock()
	s.active.Suffix = suffix
	s.active.Unlock()
}

func (s *spinner) Stop() {
	if s.active != nil {
		s.active.Stop()
		s.active = nil
	}
}

type noopSpinner struct{}

func (noopSpinner) Update(string) {}
func (noopSpinner) Stop()         {}
