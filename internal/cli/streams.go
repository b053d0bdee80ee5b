package cli

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are where a command reads and writes. Results go to Out, everything
// else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	TTY      bool // Err is a terminal
	Color    bool
	Width    int // of Err's lines in characters; 0 if it is no terminal
}

// writeJSON writes a command's result for a program.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// System gives the process's own streams. NO_COLOR (no-color.org) is honoured.
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
