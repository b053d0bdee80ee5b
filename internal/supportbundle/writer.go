package supportbundle

import (
	"errors"
	"strings"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Writer writes a collector's files. It fails once the collectors' time is up.
type Writer struct {
	bundle *Bundle
	mu     sync.RWMutex
	closed bool
}

var errClosed = errors.New("bundle is closed")

// Text is like [Bundle.Text].
func (w *Writer) Text(name, description, content string) error {
	return w.ifOpen(func() error { return w.bundle.Text(name, description, content) })
}

// JSON is like [Bundle.JSON].
func (w *Writer) JSON(name, description string, v any) error {
	return w.ifOpen(func() error { return w.bundle.JSON(name, description, v) })
}

// table writes aligned columns, header first.
func (w *Writer) table(name, description string, rows [][]string) error {
	var out strings.Builder
	t := text.NewTable(&out)
	for _, row := range rows {
		t.Row(row...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return w.Text(name, description, out.String())
}

// Missing records why a piece of the part is missing.
func (w *Writer) Missing(piece string, reason error) {
	// If the writer is closed, the index lists the whole part as incomplete.
	_ = w.ifOpen(func() error { w.bundle.addMissing(piece, reason); return nil })
}

func (w *Writer) ifOpen(write func() error) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	return write()
}

func (w *Writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}
