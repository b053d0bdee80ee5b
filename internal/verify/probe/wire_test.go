package probe

import (
	"bytes"
	"testing"
)

func FuzzAPodsLogNeverConfusesTheRunner(f *testing.F) {
	for _, line := range []string{
		`{"id":"feed/dns","outcome":"passed","message":"feed is 10.96.0.7","attempts":1,"latency":1,"elapsed":1,"answer":{"addresses":["10.96.0.7"]}}`,
		`{"id":"feed/dns","outcome":"passed","mess`, `{"id":"","outcome":"passed"}`, `{"outcome":7}`, `{}`, `{`, ``, `null`,
		"fatal error: all goroutines are asleep - deadlock!", "{\"id\":\"\xff\",\"outcome\":\"failed\"}",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, ok := ParseLine(line)
		if !ok {
			return
		}
		var again bytes.Buffer
		if err := (&lineWriter{out: &again}).write(r); err != nil {
			t.Fatal(err)
		}
		if back, ok := ParseLine(again.Bytes()); !ok || back.ID != r.ID || back.Outcome != r.Outcome {
			t.Errorf("%q became %q", line, again.Bytes())
		}
	})
}
