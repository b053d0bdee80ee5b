//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// result is what a run of tkdeploy gave.
type result struct {
	code           int
	stdout, stderr string
	elapsed        time.Duration
}

// must fails the test unless the run exited with code. That of a fault is for
// the table of hack/faults.
func (r result) wantExit(t *testing.T, code int) result {
	t.Helper()
	if code != 0 {
		t.Attr("seen", fmt.Sprintf("exit %d after %.1f s", r.code, r.elapsed.Seconds()))
	}
	if r.code != code {
		t.Fatalf("exit %d, want %d\n--- stdout\n%s\n--- stderr\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says fails the test unless stderr has each part.
func (r result) wantStderr(t *testing.T, parts ...string) result {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("stderr lacks %q:\n%s", part, r.stderr)
		}
	}
	return r
}

// An eventLine is the part of a JSON event that the tests read.
type eventLine struct {
	Kind, Stage, Item, Outcome, Reason, Message string
	Changes, Exit                               int
	ElapsedMS                                   int64 `json:"elapsed_ms"`
	RolledBack                                  bool  `json:"rolled_back"`
	Stages                                      []struct{ ID, Outcome, Reason string }
}

// events reads the JSON lines; the last one is run.finished.
func (r result) events(t *testing.T) []eventLine {
	t.Helper()
	var events []eventLine
	decoder := json.NewDecoder(strings.NewReader(r.stdout))
	for {
		var e eventLine
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read events: %v\n%s", err, r.stdout)
		}
		events = append(events, e)
	}
	if len(events) == 0 || events[len(events)-1].Kind != "run.finished" {
		t.Fatalf("the last event is not run.finished:\n%s", r.stdout)
	}
	return events
}

// changed lists the items that the stage changed.
func changedItems(events []eventLine, stage string) []string {
	var items []string
	for _, e := range events {
		if e.Stage == stage && e.Changes > 0 {
			items = append(items, e.Item)
		}
	}
	return items
}
