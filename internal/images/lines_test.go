package images

import (
	"strings"
	"testing"
)

func TestLineLog_Write(t *testing.T) {
	t.Parallel()
	t.Run("bounds a line that does not end", func(t *testing.T) {
		t.Parallel()
		log := lineLog{keep: 2}
		for range 100 {
			if _, err := log.Write([]byte(strings.Repeat(".", 32<<10))); err != nil {
				t.Fatal(err)
			}
		}
		if kept := len(log.rest) + len(strings.Join(log.lines, "")); kept > 4*maxLine || len(log.lines) != 2 {
			t.Errorf("kept %d bytes in %d lines, want at most %d in 2", kept, len(log.lines), 4*maxLine)
		}
	})
	log := lineLog{keep: 2}
	for _, part := range []string{"one\ntw", "o\n\n", "10%\r100%\n", "rest"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("got %d, %v, want %d", n, err, len(part))
		}
	}
	log.flush()
	if got := strings.Join(log.lines, "|"); got != "100%|rest" {
		t.Errorf("got %s, want 100%%|rest", got)
	}
}
