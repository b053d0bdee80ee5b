package text

import (
	"fmt"
	"slices"
	"testing"
)

func TestTailWriter(t *testing.T) {
	for _, tt := range []struct {
		writes  []string
		want    string
		dropped int
	}{
		{nil, "", 0},
		{[]string{"ab", "cd"}, "abcd", 0},
		{[]string{"ab", "cd", "ef"}, "cdef", 2},
		{[]string{"abcdefghijk"}, "hijk", 7},
		{[]string{"abcdefghijk", "l"}, "ijkl", 8},
		{slices.Repeat([]string{"ab\n"}, 100), "\nab\n", 296},
	} {
		w := TailWriter{Limit: 4}
		for _, s := range tt.writes {
			if n, err := fmt.Fprint(&w, s); n != len(s) || err != nil {
				t.Errorf("got %d, %v, want %d bytes written", n, err, len(s))
			}
			if len(w.kept) > 8 {
				t.Fatalf("got a buffer of %d bytes, want at most 8", len(w.kept))
			}
		}
		if kept, dropped := w.Bytes(); string(kept) != tt.want || dropped != tt.dropped {
			t.Errorf("%q: got %q and %d dropped, want %q and %d", tt.writes, kept, dropped, tt.want, tt.dropped)
		}
	}
}
