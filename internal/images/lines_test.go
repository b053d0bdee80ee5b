package images

import (
	"strings"
	"testing"
)

func TestLineLog_Write(t *testing.T) {
	t.Parallel()
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
