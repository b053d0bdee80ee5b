package tap_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/tap"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	t.Run("writes TAP 14", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		w := tap.New(&b, 3)
		w.Pass("register two accounts", 12345*time.Microsecond)
		w.Fail("log in", 2*time.Second, "POST http://a/b: 500:\n\t{\"title\": \"C:\\x\"} \x7f é")
		w.Skip("post a video", `needs "log in"`)
		const want = `TAP version 14
1..3
ok 1 - register two accounts
  ---
  duration_ms: 12.345
  ...
not ok 2 - log in
  ---
  duration_ms: 2000.000
  message: "POST http://a/b: 500:\n\t{\"title\": \"C:\\x\"} \x7f é"
  ...
ok 3 - post a video # SKIP needs "log in"
`
		if b.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &b, want)
		}
		if !w.Failed() || w.Err() != nil {
			t.Errorf("got failed %t, error %v, want true and nil", w.Failed(), w.Err())
		}
	})

	t.Run("escapes directives in names", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		w := tap.New(&b, 1)
		w.Pass(`a\b # SKIP not really`, 0)
		if want := `ok 1 - a\\b \# SKIP not really`; !strings.Contains(b.String(), want+"\n") {
			t.Errorf("got\n%s\nwant %s", &b, want)
		}
		if w.Failed() {
			t.Error("got failed true, want false")
		}
	})

	t.Run("writes each result in one piece", func(t *testing.T) {
		t.Parallel()
		var got pieces
		w := tap.New(&got, 2)
		w.Pass("a", time.Millisecond)
		if len(got) != 2 || got[1] != "ok 1 - a\n  ---\n  duration_ms: 1.000\n  ...\n" {
			t.Errorf("got %q, want the result in the second write", got)
		}
	})
}

type pieces []string

func (p *pieces) Write(data []byte) (int, error) {
	*p = append(*p, string(data))
	return len(data), nil
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriter_Err(t *testing.T) {
	t.Parallel()
	t.Run("returns write errors", func(t *testing.T) {
		t.Parallel()
		if err := tap.New(full{}, 1).Err(); err == nil || !strings.Contains(err.Error(), "write results: no space left") {
			t.Errorf("got error %v, want no space left", err)
		}
	})
}
