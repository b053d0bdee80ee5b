package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// No event may steer the terminal, in a log or on a terminal.
func TestReporter_controlCharacters(t *testing.T) {
	t.Parallel()
	const evil = "crash\x1b]0;owned\a\x1b[31m\u009b2J\u202e\rX"
	events := []event.Event{
		{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "rollout", Title: "Rollout"}}},
		{Kind: event.StageStarted, Stage: "rollout", Reason: evil},
		{Kind: event.ItemProgress, Stage: "rollout", Item: "web", Message: evil},
		{Kind: event.ItemFinished, Stage: "rollout", Item: evil, Outcome: event.Failed, Message: evil},
		{Kind: event.Warning, Message: evil},
		{Kind: event.StageFinished, Stage: "rollout", Outcome: event.Unchanged, Reason: evil},
		{Kind: event.StageFinished, Stage: "verify", Outcome: event.Failed, Err: errors.New("probe\a failed")},
		{Kind: event.RunFinished, Outcome: event.Done},
	}
	for name, options := range map[string]Options{"log": {}, "terminal": {TTY: true, Width: 80}, "timings": {Timings: true, Width: 200}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			options.Err = &out
			r := New(options)
			for _, e := range events {
				r.Report(e)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if name == "terminal" { // erases its live line
				got = strings.NewReplacer("\r", "", "\x1b[K", "", "\x1b[?25l", "", "\x1b[?25h", "").Replace(got)
			}
			bad := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || r == '\u202e' })
			if bad >= 0 {
				t.Errorf("got the control character %q in %q", got[bad], got)
			}
			if !strings.Contains(got, "crash") && name != "timings" {
				t.Errorf("got %q, want the text around control characters", got)
			}
		})
	}
}
