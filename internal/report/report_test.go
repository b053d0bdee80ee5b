package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var zero = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

// sample is a run with one of everything.
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

func render(t *testing.T, r Closer) {
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

func TestPlainGivesEachResultOneLineAndLifeToSilentWork(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	render(t, New(Options{Out: &out, Err: &errs}))
	if errs.String() != wantPlain {
		t.Errorf("got\n%s\nwant\n%s", errs.String(), wantPlain)
	}
	if out.Len() > 0 {
		t.Errorf("standard output is for results, got %q", out.String())
	}
}

// recorder is an animation that can be read.
type recorder struct{ frames []string }

func (r *recorder) Start(s string)  { r.frames = append(r.frames, s) }
func (r *recorder) Update(s string) { r.frames = append(r.frames, s) }
func (r *recorder) Stop()           {}

func TestAnimatedShowsTheSameResultsAndWhatIsBeingDone(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	spinner := &recorder{}
	render(t, newAnimated(newText(&errs, false), spinner))
	var want []string
	for line := range strings.Lines(wantPlain) { // without what only a log needs
		if !strings.HasPrefix(line, "•") && !strings.Contains(line, "…") {
			want = append(want, line)
		}
	}
	if errs.String() != strings.Join(want, "") {
		t.Errorf("got\n%s\nwant\n%s", errs.String(), strings.Join(want, ""))
	}
	if got := strings.Join(spinner.frames, "|"); !strings.Contains(got, "Build images: auth-service: [1/2] COPY|Build images: auth-service: [2/2] RUN go build") {
		t.Errorf("frames %s", got)
	}
}

func TestJSONIsOneEventALineAndEndsWithTheTotals(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	render(t, New(Options{Out: &out, Err: &errs, JSON: true}))
	if errs.String() != wantPlain {
		t.Errorf("the text for a person is missing: %q", errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(sample()) {
		t.Fatalf("got %d lines for %d events", len(lines), len(sample()))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	want := `{"seq":10,"time":"2026-11-24T08:02:15Z","kind":"run.finished","outcome":"failed","elapsed_ms":64000,` +
		`"stages":[{"id":"build","outcome":"done","elapsed_ms":62000,"cause":"auth-service (not built yet)"},` +
		`{"id":"load","outcome":"failed","elapsed_ms":1500,"error":"no space"}],"mutations":1,"exit":12,"rolled_back":false}`
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := lines[5]; !strings.Contains(got, `"cause":"not built yet","outcome":"done","start":"2026-11-24T08:00:13.5Z","elapsed_ms":61500,"changed":1`) {
		t.Errorf("a result tells cause, start and length, got %s", got)
	}
	if got := lines[8]; !strings.Contains(got, `"error":"no space","hint":"free some"`) {
		t.Errorf("a failure tells error and hint, got %s", got)
	}
}

func TestColorIsOnlyUsedWhenAsked(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	render(t, New(Options{Out: &errs, Err: &errs, Color: true}))
	if !strings.Contains(errs.String(), "\x1b[32m✓\x1b[0m") {
		t.Errorf("got %q", errs.String())
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAFailedWriteIsTold(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{
		"of the text": {Out: &bytes.Buffer{}, Err: brokenPipe{}},
		"of the JSON": {Out: brokenPipe{}, Err: &bytes.Buffer{}, JSON: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(options)
			for _, e := range sample() {
				r.Report(e)
			}
			if err := r.Close(); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		12 * time.Millisecond: "12ms", 1449 * time.Millisecond: "1.4s", 125 * time.Second: "2m05s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestARecoveryIsAnnouncedWithItsStages(t *testing.T) {
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
		&animated: newAnimated(newText(&animated, false), &recorder{}),
	} {
		for _, e := range events {
			r.Report(e)
		}
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	}
}
