package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func see(state State, cause string) func(context.Context) (Observation, error) {
	return func(context.Context) (Observation, error) { return Observation{state, cause}, nil }
}

func act(err error) func(context.Context, event.Reporter) error {
	return func(context.Context, event.Reporter) error { return err }
}

// outcomes runs the stages and lists "stage outcome" in the order of the ends.
func outcomes(t *testing.T, ctx context.Context, stages ...Stage) ([]string, error) {
	t.Helper()
	all, err := ends(t, ctx, stages...)
	var got []string
	for _, e := range all {
		got = append(got, e.Stage+" "+string(e.Outcome))
	}
	return got, err
}

// ends runs the stages and gives the event of each one's end.
func ends(t *testing.T, ctx context.Context, stages ...Stage) ([]event.Event, error) {
	t.Helper()
	p, err := New(stages...)
	if err != nil {
		t.Fatal(err)
	}
	var got []event.Event
	runner := &Runner{Reporter: event.ReporterFunc(func(e event.Event) {
		if e.Kind == event.StageFinished {
			got = append(got, e)
		}
	})}
	err = runner.Run(ctx, p)
	return got, err
}

func TestNewNamesEveryProblemOfTheGraph(t *testing.T) {
	t.Parallel()
	_, err := New(Stage{ID: "a"}, Stage{ID: "a"}, Stage{ID: "b", Needs: []string{"c"}}, Stage{ID: "c"})
	want := "stage \"a\": defined twice\nstage \"b\": needs \"c\", which no earlier stage is"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		stages []Stage
		want   string
		fails  bool
	}{
		"a satisfied stage does not act": {
			stages: []Stage{{ID: "a", Observe: see(Satisfied, ""), Apply: act(broken)}},
			want:   "a unchanged",
		},
		"a stage that is missing, drifted or unknown acts": {
			stages: []Stage{
				{ID: "a", Observe: see(Missing, ""), Apply: act(nil)},
				{ID: "b", Needs: []string{"a"}, Observe: see(Drifted, ""), Apply: act(nil)},
				{ID: "c", Needs: []string{"b"}, Observe: see(Unknown, ""), Apply: act(nil)},
			},
			want: "a done, b done, c done",
		},
		"what needs a failed stage is blocked, directly and through others": {
			stages: []Stage{
				{ID: "a", Observe: see(Missing, ""), Apply: act(broken)},
				{ID: "b", Needs: []string{"a"}, Observe: see(Missing, ""), Apply: act(nil)},
				{ID: "c", Needs: []string{"b"}, Observe: see(Missing, ""), Apply: act(nil)},
			},
			want: "a failed, b blocked, c blocked", fails: true,
		},
		"a stage that cannot look has failed": {
			stages: []Stage{{ID: "a", Observe: func(context.Context) (Observation, error) { return Observation{}, broken }}},
			want:   "a failed", fails: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := outcomes(t, t.Context(), test.stages...)
			if joined := strings.Join(got, ", "); joined != test.want {
				t.Errorf("got %s, want %s", joined, test.want)
			}
			if (err != nil) != test.fails || test.fails && !errors.Is(err, broken) {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestStagesWithoutNeedsRunSideBySide(t *testing.T) {
	t.Parallel()
	meet := make(chan struct{})
	one := func(context.Context, event.Reporter) error { meet <- struct{}{}; return nil }
	other := func(context.Context, event.Reporter) error { <-meet; return nil }
	if _, err := outcomes(t, t.Context(),
		Stage{ID: "a", Observe: see(Missing, ""), Apply: one},
		Stage{ID: "b", Observe: see(Missing, ""), Apply: other}); err != nil {
		t.Fatal(err)
	}
}

// reaching acts in two halves; between them it has the milestone "half".
func reaching(first, second func() error) func(context.Context, event.Reporter) error {
	return func(_ context.Context, r event.Reporter) error {
		if err := first(); err != nil {
			return err
		}
		r.Report(event.Reached("half"))
		r.Report(event.Reached("half")) // told twice, it is the same
		return second()
	}
}

func nothing() error { return nil }

func TestAMilestoneLetsAnotherStageRunAhead(t *testing.T) {
	t.Parallel()
	half := []Milestone{{"a", "half"}}
	loaded := make(chan struct{})
	got, err := outcomes(t, t.Context(),
		Stage{ID: "a", Observe: see(Missing, ""), Apply: reaching(nothing, func() error { <-loaded; return nil })},
		Stage{ID: "b", AfterMilestones: half, Observe: see(Missing, ""), Apply: func(context.Context, event.Reporter) error { close(loaded); return nil }},
		Stage{ID: "c", Needs: []string{"a", "b"}, Observe: see(Missing, ""), Apply: act(nil)})
	if err != nil || len(got) != 3 || got[2] != "c done" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAStageThatEndsHasReachedItsMilestones(t *testing.T) {
	t.Parallel()
	half := []Milestone{{"a", "half"}}
	for name, a := range map[string]Stage{
		"it had nothing to do": {ID: "a", Observe: see(Satisfied, "")},
		"it told none":         {ID: "a", Observe: see(Missing, ""), Apply: act(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := outcomes(t, t.Context(), a, Stage{ID: "b", AfterMilestones: half, Observe: see(Missing, ""), Apply: act(nil)})
			if err != nil || len(got) != 2 || got[1] != "b done" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// A stage stands on what the other one makes: when that is taken away, what it
// says of it is of no interest, and it must not go on.
func TestAStageThatRanAheadOfAFailedOneIsCanceledWithoutAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		fails func() error                                // a, after half of it
		ahead func(context.Context, event.Reporter) error // b
	}{
		"it is stopped": {
			func() error { return broken },
			func(ctx context.Context, _ event.Reporter) error { <-ctx.Done(); return ctx.Err() },
		},
		"it had failed first": {
			func() error { time.Sleep(10 * time.Millisecond); return broken },
			act(errors.New("no such container")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{})
			fails := func() error { <-begun; return test.fails() }
			ahead := func(ctx context.Context, r event.Reporter) error { close(begun); return test.ahead(ctx, r) }
			got, err := outcomes(t, t.Context(),
				Stage{ID: "a", Observe: see(Missing, ""), Apply: reaching(nothing, fails)},
				Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: see(Missing, ""), Apply: ahead},
				Stage{ID: "c", Needs: []string{"b"}, Observe: see(Missing, ""), Apply: act(nil)})
			want := "a failed, b canceled, c blocked"
			if joined := strings.Join(got, ", "); joined != want || err == nil || err.Error() != "broken" {
				t.Errorf("got %s, %v; want %s", joined, err, want)
			}
		})
	}
}

func TestAStageThatFailsAheadOfOneThatSucceedsHasFailed(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	got, err := outcomes(t, t.Context(),
		Stage{ID: "a", Observe: see(Missing, ""), Apply: reaching(nothing, nothing)},
		Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: see(Missing, ""), Apply: act(broken)})
	if !errors.Is(err, broken) || len(got) != 2 || got[1] != "b failed" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAStageBehindAMilestoneOfAFailedOneIsBlocked(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	got, err := outcomes(t, t.Context(),
		Stage{ID: "a", Observe: see(Missing, ""), Apply: reaching(func() error { return broken }, nothing)},
		Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: see(Missing, ""), Apply: act(nil)})
	if !errors.Is(err, broken) || strings.Join(got, ", ") != "a failed, b blocked" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestACanceledRunStartsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var acted atomic.Bool
	got, err := outcomes(t, ctx, Stage{ID: "a", Observe: see(Missing, ""), Apply: func(context.Context, event.Reporter) error {
		acted.Store(true)
		return nil
	}})
	if acted.Load() || len(got) != 1 || got[0] != "a canceled" || !errors.Is(err, context.Canceled) {
		t.Errorf("acted %t, got %v, %v", acted.Load(), got, err)
	}
}

func TestAnErrorSaysItsStage(t *testing.T) {
	t.Parallel()
	_, err := outcomes(t, t.Context(), Stage{ID: "a", Observe: see(Missing, ""), Apply: act(errors.New("x"))})
	var stage *StageError
	if !errors.As(err, &stage) || stage.Stage != "a" {
		t.Errorf("got %#v", err)
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	p, err := New(Stage{ID: "a"}, Stage{ID: "b", Needs: []string{"a"}}, Stage{ID: "c", Needs: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		selection Selection
		want      string // IDs or the error
	}{
		"everything by default":    {Selection{}, "a b c"},
		"from a stage on":          {Selection{From: "b"}, "b c"},
		"up to and with a stage":   {Selection{To: "b"}, "a b"},
		"just some":                {Selection{Only: []string{"c", "a"}}, "a c"},
		"an unknown stage":         {Selection{To: "d"}, `no stage "d": the stages are a, b, c`},
		"an empty range":           {Selection{From: "c", To: "a"}, `stage "c" comes after "a": nothing would run`},
		"only excludes from":       {Selection{Only: []string{"a"}, From: "b"}, "--only does not go with --from or --to"},
		"a selection keeps no gap": {Selection{From: "b", To: "b"}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selected, err := p.Select(test.selection)
			got := strings.Join(selected.IDs(), " ")
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPreviewLooksAndDoesNotAct(t *testing.T) {
	t.Parallel()
	p, err := New(
		Stage{ID: "build", Observe: see(Satisfied, "2 images match"), Apply: act(errors.New("acted"))},
		Stage{ID: "cluster", Observe: see(Missing, "no cluster"), Apply: act(errors.New("acted"))},
		Stage{ID: "load", Needs: []string{"build", "cluster"}, Observe: see(Satisfied, "never asked"), Apply: act(nil)},
		Stage{ID: "release", Needs: []string{"load"}, Observe: see(Satisfied, "never asked"), Apply: act(nil)},
	)
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := DryRun(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range decisions {
		lines = append(lines, d.String())
	}
	want := `build    keep  2 images match
cluster  run   no cluster
load     run   told only after cluster
release  run   told only after load`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestARecoveryGoesOnInTheSameStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	failing, err := New(Stage{ID: "a", Observe: see(Missing, ""), Apply: act(broken)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := New(Stage{ID: "b", Title: "Back", Observe: see(Drifted, ""), Apply: act(nil)}, Stage{ID: "c", Needs: []string{"b"}, Observe: see(Satisfied, "")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	runner := &Runner{Reporter: event.ReporterFunc(func(e event.Event) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s%s", e.Seq, e.Kind, e.Stage, e.Reason)))
		if e.Kind == event.RecoveryStarted && (len(e.Plan) != 2 || e.Plan[0].Title != "Back") {
			t.Errorf("announced %v", e.Plan)
		}
	})}
	if err := runner.Run(t.Context(), failing); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := runner.Recover(t.Context(), back, "a failed"); err != nil {
		t.Errorf("%v", err)
	}
	want := "1 run.started, 2 stage.started a, 3 stage.finished a, 4 recovery.started a failed, 5 stage.started b, 6 stage.finished b, 7 stage.finished c"
	if joined := strings.Join(got, ", "); joined != want {
		t.Errorf("got  %s\nwant %s", joined, want)
	}
}

func TestWhatEndedSaysWhenItBegan(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	begin := clock
	p, err := New(
		Stage{ID: "a", Observe: see(Missing, ""), Apply: func(_ context.Context, r event.Reporter) error {
			clock = clock.Add(5 * time.Second)
			r.Report(event.Finished("told by its length", event.Done, "", 2*time.Second, 1))
			early := event.Finished("told by its start", event.Done, "", time.Second, 1)
			early.Start = begin
			r.Report(early)
			r.Report(event.Finished("never begun", event.Blocked, "", 0, 0))
			return errors.New("broken")
		}},
		Stage{ID: "b", Needs: []string{"a"}, Observe: see(Missing, "")},
	)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]time.Time{}
	runner := &Runner{Now: func() time.Time { return clock }, Reporter: event.ReporterFunc(func(e event.Event) {
		if e.Outcome != "" {
			got[e.Stage+" "+e.Item] = e.Start
		}
	})}
	_ = runner.Run(t.Context(), p) // it fails, as it should
	want := map[string]time.Time{
		"a told by its length": begin.Add(3 * time.Second), "a told by its start": begin, "a never begun": {},
		"a ": begin, "b ": {},
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAStageWithNothingToDoWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, err := ends(t, t.Context(),
			Stage{ID: "load", Observe: see(Missing, ""), Apply: func(context.Context, event.Reporter) error {
				time.Sleep(time.Minute)
				return errors.New("no room")
			}},
			Stage{ID: "release", ApplyNeeds: []string{"load"}, Observe: see(Satisfied, "")},
			Stage{ID: "verify", Needs: []string{"load", "release"}, Observe: see(Unknown, "")},
		)
		var got []string
		for _, e := range all {
			got = append(got, e.Stage+" "+string(e.Outcome))
		}
		if joined := strings.Join(got, ", "); joined != "release unchanged, load failed, verify blocked" || err == nil {
			t.Errorf("got %s, %v", joined, err)
		}
	})
}

func TestAStageLooksWhileAnotherIsAtWorkAndActsBehindIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		work error // of the other stage
		look error
		want string
	}{
		"both are well":       {nil, nil, "load done, release done"},
		"the other fails":     {errors.New("no room"), nil, "load failed, release blocked"},
		"both fail":           {errors.New("no room"), errors.New("no API"), "load failed, release blocked"},
		"only the look fails": {nil, errors.New("no API"), "load done, release failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var looked, loaded atomic.Bool
				stages := []Stage{
					{ID: "load", Observe: see(Missing, ""), Apply: func(context.Context, event.Reporter) error {
						time.Sleep(time.Minute)
						loaded.Store(true)
						if !looked.Load() {
							t.Error("release did not look meanwhile")
						}
						return test.work
					}},
					{ID: "release", ApplyNeeds: []string{"load"}, Observe: func(context.Context) (Observation, error) {
						time.Sleep(time.Second)
						looked.Store(true)
						return Observation{Missing, ""}, test.look
					}, Apply: func(context.Context, event.Reporter) error {
						if !loaded.Load() {
							t.Error("release acted before load was done")
						}
						time.Sleep(2 * time.Second)
						return nil
					}},
				}
				all, err := ends(t, t.Context(), stages...)
				var got []string
				for _, e := range all {
					got = append(got, e.Stage+" "+string(e.Outcome))
					if e.Stage == "release" && e.Outcome == event.Done && e.Elapsed != 3*time.Second {
						t.Errorf("release took %s: its waiting is not its own", e.Elapsed)
					}
				}
				if joined := strings.Join(got, ", "); joined != test.want || (err == nil) != (test.work == nil && test.look == nil) {
					t.Errorf("got %s, %v", joined, err)
				}
			})
		})
	}
}
