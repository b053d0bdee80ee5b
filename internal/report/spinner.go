package report

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/briandowns/spinner"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// animation is the part of a spinner that is used.
type animation interface {
	Start(suffix string)
	Update(suffix string)
	Stop() // returns when the line is clear
}

// animated keeps one live line, below the lines of what is done, that says what
// each running stage does.
type animated struct {
	*text
	animation
	running []string // stage IDs in the order of their start
	doing   map[string]string
}

func newAnimated(t *text, a animation) *animated {
	return &animated{text: t, animation: a, doing: map[string]string{}}
}

func (a *animated) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted, event.RecoveryStarted:
		a.announce(e)
	case event.StageStarted:
		a.running = append(a.running, e.Stage)
		a.doing[e.Stage] = e.Reason
	case event.ItemProgress:
		a.doing[e.Stage] = doing(e)
	case event.StageFinished:
		a.running = slices.DeleteFunc(a.running, func(id string) bool { return id == e.Stage })
	}
	if line := a.line(e); line != "" {
		a.Stop()
		a.println(line)
	}
	a.show()
}

func (a *animated) show() {
	if len(a.running) == 0 {
		a.Stop()
		return
	}
	var parts []string
	for _, id := range a.running {
		parts = append(parts, a.titles[id]+": "+a.doing[id])
	}
	a.Update(strings.Join(parts, " · "))
}

func (a *animated) Close() error {
	a.Stop()
	return a.err
}

// lineWidth keeps the live line on one line of a usual terminal; a longer one
// would wrap and could not be erased.
const lineWidth = 100

// dots is the spinner of github.com/briandowns/spinner behind animation.
type dots struct {
	file   *os.File
	active *spinner.Spinner
}

func newSpinner(w io.Writer) animation {
	file, isFile := w.(*os.File)
	if !isFile { // only a file can be a terminal
		return still{}
	}
	return &dots{file: file}
}

func (d *dots) Start(suffix string) {
	d.active = spinner.New(spinner.CharSets[14], 100*time.Millisecond, spinner.WithWriterFile(d.file), spinner.WithHiddenCursor(true))
	d.active.Suffix = suffix
	d.active.Start()
}

func (d *dots) Update(suffix string) {
	suffix = " " + shorten(suffix, lineWidth)
	if d.active == nil {
		d.Start(suffix)
		return
	}
	d.active.Lock()
	d.active.Suffix = suffix
	d.active.Unlock()
}

func (d *dots) Stop() {
	if d.active != nil {
		d.active.Stop()
		d.active = nil
	}
}

// still is an animation that does not move.
type still struct{}

func (still) Start(string)  {}
func (still) Update(string) {}
func (still) Stop()         {}

func shorten(s string, width int) string {
	runes := []rune(strings.ReplaceAll(s, "\n", " "))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
