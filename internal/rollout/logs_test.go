package rollout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLastLines(t *testing.T) {
	t.Parallel()
	t.Run("removes terminal control sequences", func(t *testing.T) {
		t.Parallel()
		text := "one\ntwo\x1b[31m red\x1b[0m\tand\a bell\r\n" + strings.Repeat("é", 40) + "\n\n"
		want := []string{"two red and bell", strings.Repeat("é", 30) + "…"}
		if diff := cmp.Diff(want, lastLines(text, 2, 30)); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if got := lastLines("\n", 2, 30); got != nil {
			t.Errorf("got lines %q of an empty log, want none", got)
		}
	})
}
