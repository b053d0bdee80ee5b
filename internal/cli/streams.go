package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Streams are the inputs and outputs of a command. Results go to Out, everything
// else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	TTY      bool // Err is a terminal
	Color    bool // color Err
	Width    int  // columns of Err; 0 if it is not a terminal

	terminal io.Writer // Err before visible
}

// visible returns streams that write control characters as escapes.
func (s Streams) visible() Streams {
	s.terminal = s.Err
	s.Out, s.Err = text.VisibleWriter(s.Out), text.VisibleWriter(s.Err)
	return s
}

// forReport returns the writer for the report of a run, which removes control
// characters from events itself.
func (s Streams) forReport() io.Writer {
	if s.terminal == nil {
		return s.Err
	}
	return s.terminal
}

// warn prints a warning on one line.
func (s Streams) warn(message string) error {
	if _, err := fmt.Fprintf(s.Err, "tkdeploy: warning: %s\n", text.Printable(message, maxWarning)); err != nil {
		return fmt.Errorf("print a warning: %w", err)
	}
	return nil
}

// maxWarning limits a warning, which may quote an error of a chart, in bytes.
const maxWarning = 2000

// System returns the streams of this process. It honors NO_COLOR (no-color.org).
func System() Streams {
	tty := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		width = 0
	}
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		TTY:   tty,
		Color: tty && os.Getenv("NO_COLOR") == "",
		Width: width,
	}
}

// CancelIfClosed returns streams that call cancel once Out or Err is a pipe that
// nobody reads any more, as in `tkdeploy up | head -1`. The process must not die of
// SIGPIPE in the middle of a change.
func (s Streams) CancelIfClosed(cancel context.CancelCauseFunc) Streams {
	s.Out = pipe{s.Out, cancel}
	if !s.TTY { // the spinner needs the terminal itself
		s.Err = pipe{s.Err, cancel}
	}
	return s
}

type pipe struct {
	io.Writer
	cancel context.CancelCauseFunc
}

func (p pipe) Write(text []byte) (int, error) {
	n, err := p.Writer.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		p.cancel(Interrupted{syscall.SIGPIPE})
	}
	return n, err
}
