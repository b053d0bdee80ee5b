package supportbundle

import (
	"bytes"
	"fmt"
)

// tail is an io.Writer that keeps the last limit bytes.
type tail struct {
	limit   int
	kept    []byte
	dropped int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.limit {
		t.trim()
	}
	return len(p), nil
}

func (t *tail) trim() {
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.dropped += over
	}
}

// text returns the kept bytes after a count of the omitted ones. It drops an
// incomplete first line: a secret cut in half would not be redacted.
func (t *tail) text() string {
	t.trim()
	if t.dropped == 0 {
		return string(t.kept)
	}
	end := bytes.IndexByte(t.kept, '\n') + 1
	if end == 0 {
		end = len(t.kept)
	}
	return fmt.Sprintf("[%d bytes omitted]\n%s", t.dropped+end, t.kept[end:])
}
