package supportbundle

import (
	"bytes"
	"fmt"
)

// A tail is a writer that keeps the last bytes of what is written to it, in at
// most twice their room.
type tail struct {
	most    int
	kept    []byte
	dropped int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.most {
		t.cut()
	}
	return len(p), nil
}

func (t *tail) cut() {
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.dropped += over
	}
}

// text is what is kept. If the beginning was dropped, a line says so, and the
// line that was cut is dropped whole: it may begin within a secret.
func (t *tail) text() string {
	t.cut()
	if t.dropped == 0 {
		return string(t.kept)
	}
	end := bytes.IndexByte(t.kept, '\n') + 1
	if end == 0 {
		end = len(t.kept)
	}
	return fmt.Sprintf("[%d bytes before this are left out]\n%s", t.dropped+end, t.kept[end:])
}
