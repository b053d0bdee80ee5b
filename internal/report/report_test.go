package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var zero = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

// sample returns the events of a run, at least one of each kind.
func sample() []event.Event {
	events := []event.Event{
		{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "build", Title: "Build images"}, {ID: "load", Title: "Load images", Needs: []string{"build"}}}},
		{Kind: event.StageStarted, Stage: "build", Reason: "auth-service (not built yet)"},
		{Kind: event.ItemProgress, Stage: "build", Item: "auth-service", Message: "[1/2] COPY"},
		{Kind: event.ItemProgress, Stage: "build", Item: "auth-service", Message: "[2/2] RUN go build"},
		{Kind: event.ItemFinished, Stage: "build", Item: "postgres", Outcome: event.Unchanged},
		{Kind: event.ItemFinished, Stage: "build", Item: "auth-service", Outcome: event.Done, Message: "built", Reason: "not built yet", Start: zero.Add(13500 * time.Millisecond), Elapsed: 61500 * time.Millisecond, Mutations: 1},
		{Kind: event.Warning, Stage: "build", Message: "the disk is\nnearly full"},
		{Kind: event.StageFinished, Stage: "build", Outcome: event.Done, Reason: "auth-service (not built yet)", Elapsed: 62 * time.Second},
		{Kind: event.StageFinished, Stage: "load", Outcome: event.Failed, Elapsed: 1500 * time.Millisecond, Err: fault.New(fault.Load, errors.New("no space"), "free some")},
		{Kind: event.RunFinished, Outcome: event.Failed, Elapsed: 64 * time.Second, Exit: 12},
	}
	for i := range events {
		events[i].Seq, events[i].Time = i+1, zero.Add(time.Duration(i)*15*time.Second)
	}
	return events
}

func renderSample(t *testing.T, r Closer) {
	t.Helper()
	for _, e := range sample() {
		r.Report(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

const wantPlain = `• Build images: auth-service (not built yet)
    … auth-service: [2/2] RUN go build
    ✓ auth-service: built (1m02s)
! the disk is
  nearly full
✓ Build images (1m02s)
✗ Load images (1.5s)
`

func TestNew(t *testing.T) {
	t.Parallel()
	t.Run("prints one line per result to a log", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		renderSample(t, New(Options{Out: &out, Err: &errs}))
		if errs.String() != wantPlain {
			t.Errorf("got\n%s\nwant\n%s", errs.String(), wantPlain)
		}
		if out.Len() > 0 {
			t.Errorf("got %q on standard output, want nothing", out.String())
		}
	})

	t.Run("prints a known problem to a log at once, and once", func(t *testing.T) {
		t.Parallel()
		var errs bytes.Buffer
		r := New(Options{Out: io.Discard, Err: &errs})
		for i, e := range []event.Event{
			{Message: "0 of 1 ready"},
			{Message: "crashed (1s)", Reason: "crashed"},
			{Message: "crashed (2s)", Reason: "crashed"},
			{Message: "no space", Reason: "no space"},
		} {
			e.Kind, e.Stage, e.Item, e.Time = event.ItemProgress, "rollout", "web", time.Unix(int64(i), 0)
			r.Report(e)
		}
		if want := "    … web: crashed (1s)\n    … web: no space\n"; errs.String() != want {
			t.Errorf("got %q, want %q", errs.String(), want)
		}
	})
	t.Run("shows results and progress on a terminal", func(t *testing.T) {
		t.Parallel()
		var errs bytes.Buffer
		spinner := &recorder{}
		renderSample(t, newTTYReporter(newLineWriter(&errs, false), spinner, 80))
		var want []string
		for line := range strings.Lines(wantPlain) { // except lines that only a log has
			if !strings.HasPrefix(line, "•") && !strings.Contains(line, "…") {
				want = append(want, line)
			}
		}
		if errs.String() != strings.Join(want, "") {
			t.Errorf("got\n%s\nwant\n%s", errs.String(), strings.Join(want, ""))
		}
		if got := strings.Join(spinner.frames, "|"); !strings.Contains(got, "Build images: auth-service: [1/2] COPY|Build images: auth-service: [2/2] RUN go build") {
			t.Errorf("got frames %s, want both steps of the build", got)
		}
	})

	t.Run("writes one JSON event per line and the totals", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		renderSample(t, New(Options{Out: &out, Err: &errs, JSON: true}))
		if errs.String() != wantPlain {
			t.Errorf("got text %q, want %q", errs.String(), wantPlain)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(sample()) {
			t.Fatalf("got %d lines for %d events", len(lines), len(sample()))
		}
		for _, line := range lines {
			if !json.Valid([]byte(line)) {
				t.Errorf("got invalid JSON: %s", line)
			}
		}
		want := `{"seq":10,"time":"2026-11-24T08:02:15Z","kind":"run.finished","outcome":"failed","elapsed_ms":64000,"changes":1,` +
			`"stages":[{"id":"build","outcome":"done","elapsed_ms":62000,"reason":"auth-service (not built yet)"},` +
			`{"id":"load","outcome":"failed","elapsed_ms":1500,"error":"no space"}],"exit":12,"rolled_back":false}`
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := lines[5]; !strings.Contains(got, `"reason":"not built yet","outcome":"done","start":"2026-11-24T08:00:13.5Z","elapsed_ms":61500,"changes":1`) {
			t.Errorf("got item %s, want reason, start, duration and changes", got)
		}
		if got := lines[8]; !strings.Contains(got, `"error":"no space","hint":"free some"`) {
			t.Errorf("got failure %s, want error and hint", got)
		}
	})

	t.Run("shows every line of a log", func(t *testing.T) {
		t.Parallel()
		for _, r := range []func(io.Writer) Closer{
			func(w io.Writer) Closer { return New(Options{Out: io.Discard, Err: w}) },
			func(w io.Writer) Closer { return newTTYReporter(newLineWriter(w, false), &recorder{}, 80) },
		} {
			var errs bytes.Buffer
			report := r(&errs)
			report.Report(event.LogLine("migrate", "schema is at version 6"))
			report.Report(event.LogLine("migrate", "schema is at version 7"))
			if got, want := errs.String(), "    | migrate: schema is at version 6\n    | migrate: schema is at version 7\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})

	t.Run("uses color only if enabled", func(t *testing.T) {
		t.Parallel()
		var errs bytes.Buffer
		renderSample(t, New(Options{Out: &errs, Err: &errs, Color: true}))
		if !strings.Contains(errs.String(), "\x1b[32m✓\x1b[0m") {
			t.Errorf("got %q, want a green check mark", errs.String())
		}
	})

	t.Run("returns the error of a write", func(t *testing.T) {
		t.Parallel()
		for name, options := range map[string]Options{
			"text": {Out: &bytes.Buffer{}, Err: brokenPipe{}},
			"JSON": {Out: brokenPipe{}, Err: &bytes.Buffer{}, JSON: true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := New(options)
				for _, e := range sample() {
					r.Report(e)
				}
				if err := r.Close(); err == nil {
					t.Error("got no error")
				}
			})
		}
	})

	t.Run("prints the stages of a rollback", func(t *testing.T) {
		t.Parallel()
		events := []event.Event{
			{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "rollout", Title: "Rollout"}}},
			{Kind: event.StageFinished, Stage: "rollout", Outcome: event.Failed},
			{Kind: event.RecoveryStarted, Reason: "revision 2 failed", Plan: []event.StageInfo{{ID: "rollback", Title: "Rollback"}}},
			{Kind: event.StageFinished, Stage: "rollback", Outcome: event.Done},
		}
		const want = "✗ Rollout\n↩ revision 2 failed\n✓ Rollback\n"
		var plain, animated bytes.Buffer
		for out, r := range map[*bytes.Buffer]Closer{
			&plain:    New(Options{Err: &plain}),
			&animated: newTTYReporter(newLineWriter(&animated, false), &recorder{}, 80),
		} {
			for _, e := range events {
				r.Report(e)
			}
			if out.String() != want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), want)
			}
		}
	})
}

type recorder struct{ frames []string }

func (r *recorder) Update(s string) { r.frames = append(r.frames, s) }
func (r *recorder) Stop()           {}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestTTYReporter_Report(t *testing.T) {
	t.Parallel()
	t.Run("keeps the live line within the terminal", func(t *testing.T) {
		t.Parallel()
		for _, width := range []int{0, 40, 80, 200} {
			spinner := &recorder{}
			r := newTTYReporter(newLineWriter(&bytes.Buffer{}, false), spinner, width)
			r.Report(event.Event{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "build", Title: "Build"}}})
			r.Report(event.Event{Kind: event.StageStarted, Stage: "build", Reason: strings.Repeat("web ", 100)})
			frame := spinner.frames[len(spinner.frames)-1]
			if want := cmp.Or(width, 80) - 3; cells(frame) != want {
				t.Errorf("width %d: got a live line of %d columns, want %d", width, cells(frame), want)
			}
			r.Report(event.Event{Kind: event.ItemProgress, Stage: "build", Message: strings.Repeat("映像🚀e\u0301", 100)})
			frame = spinner.frames[len(spinner.frames)-1]
			if want := cmp.Or(width, 80) - 3; cells(frame) > want || cells(frame) < want-1 {
				t.Errorf("width %d: got a live line of %d columns, want %d: %s", width, cells(frame), want, frame)
			}
		}
	})
}

func TestLineWriter_line(t *testing.T) {
	t.Parallel()
	stages := event.Event{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "load", Title: "Load"}}}
	tests := []struct {
		name string
		end  event.Event
		want string
	}{
		{"dims a stage with nothing to do", event.Event{Outcome: event.Unchanged, Reason: "all images are loaded", Elapsed: time.Second}, "\x1b[2m= Load      all images are loaded (1.0s)\x1b[0m"},
		{"dims a blocked stage", event.Event{Outcome: event.Blocked, Reason: "needs build"}, "\x1b[2m- Load      blocked: needs build\x1b[0m"},
		{"dims a canceled stage", event.Event{Outcome: event.Canceled}, "\x1b[2m- Load      canceled\x1b[0m"},
		{"omits the reason of a failed stage", event.Event{Outcome: event.Failed, Reason: "not loaded"}, "\x1b[31m✗\x1b[0m Load"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newLineWriter(&bytes.Buffer{}, true)
			w.addTitles(stages)
			tt.end.Kind, tt.end.Stage = event.StageFinished, "load"
			if got := w.line(tt.end); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
