package probe

import (
	"bytes"
	"fmt"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func FuzzParseLine(f *testing.F) {
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
			t.Errorf("got %q, want the same result as %q", again.Bytes(), line)
		}
	})
}

func TestPack(t *testing.T) {
	t.Parallel()
	t.Run("rejects too many checks", func(t *testing.T) {
		t.Parallel()
		var checks []Check
		for i := range 4000 {
			name := fmt.Sprintf("%x", i*i*7919)
			checks = append(checks, Check{ID: name + "/http-health", Service: name, Kind: HTTP, Target: Target{Host: name, Port: i + 1}})
		}
		if _, err := Pack(checks[:2000]); err != nil {
			t.Errorf("2000 checks: got %v", err)
		}
		if _, err := Pack(append(checks, checks...)); fault.ClassOf(err) != fault.Config {
			t.Errorf("8000 checks: got %v, want class %q", err, fault.Config)
		}
	})
}
