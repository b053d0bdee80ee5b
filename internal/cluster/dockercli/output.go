package dockercli

import (
	"errors"
	"io"
)

// Limits of a command's output.
const (
	maxOutput = 10 << 20 // docker inspect prints some 15 KiB for a node
	maxErrors = 64 << 10
)

var errTooMuchOutput = errors.New("it writes more than 10 MiB")

// Buffer keeps what a command writes to its standard output. More than 10 MiB end the
// command, by a signal.
type Buffer struct {
	text []byte
	err  error
}

var _ io.Writer = (*Buffer)(nil)

// Bytes returns what was written.
func (o *Buffer) Bytes() []byte { return o.text }

func (o *Buffer) Write(p []byte) (int, error) {
	if len(o.text)+len(p) > maxOutput {
		o.err = errTooMuchOutput
		return 0, o.err
	}
	o.text = append(o.text, p...)
	return len(p), nil
}
