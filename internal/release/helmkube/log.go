package helmkube

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Limits of a hook's log.
const (
	maxLogLines = 500
	maxLogWidth = 300
	maxLogLine  = 64 << 10 // bytes; a longer line ends the log
)

// logWriter reports the lines of a hook's log.
type logWriter struct {
	op   *Operation
	item string
}

// Write reports the lines of p.
func (w *logWriter) Write(p []byte) (int, error) {
	_, err := w.ReadFrom(strings.NewReader(string(p)))
	return len(p), err
}

// ReadFrom is what Helm calls, through [io.Copy], with the whole log.
func (w *logWriter) ReadFrom(log io.Reader) (int64, error) {
	counted := &countingReader{Reader: log}
	scanner := bufio.NewScanner(counted)
	scanner.Buffer(nil, maxLogLine)
	lines := 0
	for scanner.Scan() {
		if lines++; lines <= maxLogLines {
			w.op.send(event.LogLine(w.item, text.Printable(w.op.redact(scanner.Text()), maxLogWidth)))
		}
	}
	if lines > maxLogLines {
		w.op.send(event.LogLine(w.item, fmt.Sprintf("… and %s of its log", text.Plural(lines-maxLogLines, "more line"))))
	}
	return counted.n, scanner.Err()
}

type countingReader struct {
	io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}
