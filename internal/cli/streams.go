package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the inputs and outputs of a command. Results go to Out, everything
// else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	TTY      bool // Err is a terminal
	Color    bool // color Err
	Width    int  // columns of Err; 0 if it is not a terminal
}

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
