package supportbundle

import (
	"bytes"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// tailText returns the kept bytes after a count of the omitted ones. It drops an
// incomplete first line: a secret cut in half would not be redacted.
func tailText(t *text.TailWriter) string {
	kept, dropped := t.Bytes()
	if dropped == 0 {
		return string(kept)
	}
	end := bytes.IndexByte(kept, '\n') + 1
	if end == 0 {
		end = len(kept)
	}
	return fmt.Sprintf("[%d bytes omitted]\n%s", dropped+end, kept[end:])
}
