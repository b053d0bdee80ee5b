package pods

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadLine(t *testing.T) {
	t.Parallel()
	t.Run("drops the last word of a truncated line", func(t *testing.T) {
		t.Parallel()
		reader := bufio.NewReader(strings.NewReader("begin " + strings.Repeat("s", 3*maxLine) + " end\nnext\nlast"))
		for _, want := range []string{"begin ", "next", "last"} {
			if got, _ := readLine(reader); got != want {
				t.Errorf("got %d bytes, %.40q, want %q", len(got), got, want)
			}
		}
	})
}
