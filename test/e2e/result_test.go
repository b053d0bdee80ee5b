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

type result struct {
	code           int
	stdout, stderr string
	elapsed        time.Duration
}

// wantExit also records the attribute "seen" for hack/faults.
func (r result) wantExit(t *testing.T, code int) result {
	t.Helper()
	if code != 0 {
		t.Attr("seen", fmt.Sprintf("exit %d after %.1f s", r.code, r.elapsed.Seconds()))
	}
	if r.code != code {
		t.Fatalf("got exit code %d, want %d\n--- stdout\n%s\n--- stderr\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

func (r result) wantStderr(t *testing.T, parts ...string) result {
	t.Helper()
	wantContains(t, "stderr", r.stderr, parts...)
	return r
}

func (r result) wantWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	if r.elapsed > limit {
		t.Errorf("got %s elapsed, want at most %s", r.elapsed, limit)
	}
}

type eventLine struct {
	Kind, Stage, Item, Outcome, Reason, Message string
	Changes, Exit                               int
	ElapsedMS                                   int64 `json:"elapsed_ms"`
	RolledBack                                  bool  `json:"rolled_back"`
	Stages                                      []struct{ ID, Outcome, Reason string }
}

// events parses JSON events. The last must be run.finished.
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
		t.Fatalf("got events:\n%s\nwant run.finished last", r.stdout)
	}
	return events
}

func (r result) finished(t *testing.T) eventLine {
	t.Helper()
	events := r.events(t)
	return events[len(events)-1]
}

func changedItems(events []eventLine, stage string) []string {
	var items []string
	for _, e := range events {
		if e.Stage == stage && e.Changes > 0 {
			items = append(items, e.Item)
		}
	}
	return items
}
