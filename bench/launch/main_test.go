package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "result.json")
	// The grandchild uses 40 MB and some CPU time.
	code, err := run(path, []string{"sh", "-c", `sh -c 'x=$(head -c 40000000 /dev/zero | tr "\0" x); sleep 0.2'; exit 3`})
	if err != nil || code != 3 {
		t.Fatalf("got exit code %d, error %v, want 3 and no error", code, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Seconds < 0.2 || r.CPUSeconds <= 0 || r.PeakBytes < 40e6 {
		t.Errorf("got %+v, want at least 0.2 s, 40 MB and some CPU time", r)
	}
	if code, err := run(path, []string{"sh", "-c", "kill -9 $$"}); err == nil || code != 1 {
		t.Errorf("killed command: got exit code %d, error %v, want 1 and an error", code, err)
	}
}
