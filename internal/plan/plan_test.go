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

func observe(state State, reason string) func(context.Context) (Observation, error) {
	return func(context.Context) (Observation, error) { return Observation{state, reason}, nil }
}

func apply(err error) func(context.Context, event.Reporter) error {
	return func(context.Context, event.Reporter) error { return err }
}

func outcomes(t *testing.T, ctx context.Context, stages ...Stage) ([]string, error) {
	t.Helper()
	all, err := finished(t, ctx, stages...)
	var got []string
	for _, e := range all {
		got = append(got, e.Stage+" "+string(e.Outcome))
	}
	return got, err
}

func finished(t *testing.T, ctx context.Context, stages ...Stage) ([]event.Event, error) {
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

func TestNew(t *testing.T) {
	t.Parallel()
	_, err := New(Stage{ID: "a"}, Stage{ID: "a"}, Stage{ID: "b", Needs: []string{"c"}}, Stage{ID: "c"})
	want := "stage \"a\" is defined twice\nstage \"b\" needs \"c\", which is not an earlier stage"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestRunner_Run(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		stages []Stage
		want   string
		fails  bool
	}{
		"keeps a satisfied stage": {
			stages: []Stage{{ID: "a", Observe: observe(Satisfied, ""), Apply: apply(broken)}},
			want:   "a unchanged",
		},
		"applies a missing, drifted or unknown stage": {
			stages: []Stage{
				{ID: "a", Observe: observe(Missing, ""), Apply: apply(nil)},
				{ID: "b", Needs: []string{"a"}, Observe: observe(Drifted, ""), Apply: apply(nil)},
				{ID: "c", Needs: []string{"b"}, Observe: observe(Unknown, ""), Apply: apply(nil)},
			},
			want: "a done, b done, c done",
		},
		"blocks direct and indirect dependents of a failed stage": {
			stages: []Stage{
				{ID: "a", Observe: observe(Missing, ""), Apply: apply(broken)},
				{ID: "b", Needs: []string{"a"}, Observe: observe(Missing, ""), Apply: apply(nil)},
				{ID: "c", Needs: []string{"b"}, Observe: observe(Missing, ""), Apply: apply(nil)},
			},
			want: "a failed, b blocked, c blocked", fails: true,
		},
		"fails a stage whose observation fails": {
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
				t.Errorf("got error %v, want failure %t", err, test.fails)
			}
		})
	}
}

func TestRunner_Run_order(t *testing.T) {
	t.Parallel()
	t.Run("runs independent stages in parallel", func(t *testing.T) {
		t.Parallel()
		meet := make(chan struct{})
		one := func(context.Context, event.Reporter) error { meet <- struct{}{}; return nil }
		other := func(context.Context, event.Reporter) error { <-meet; return nil }
		if _, err := outcomes(t, t.Context(),
			Stage{ID: "a", Observe: observe(Missing, ""), Apply: one},
			Stage{ID: "b", Observe: observe(Missing, ""), Apply: other}); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("starts no stage after cancellation", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var applied atomic.Bool
		got, err := outcomes(t, ctx, Stage{ID: "a", Observe: observe(Missing, ""), Apply: func(context.Context, event.Reporter) error {
			applied.Store(true)
			return nil
		}})
		if applied.Load() || len(got) != 1 || got[0] != "a canceled" || !errors.Is(err, context.Canceled) {
			t.Errorf("got applied %t, %v, %v; want a canceled stage", applied.Load(), got, err)
		}
	})

	t.Run("returns the stage of an error", func(t *testing.T) {
		t.Parallel()
		_, err := outcomes(t, t.Context(), Stage{ID: "a", Observe: observe(Missing, ""), Apply: apply(errors.New("x"))})
		var stage *StageError
		if !errors.As(err, &stage) || stage.Stage != "a" {
			t.Errorf("got %#v, want an error of stage a", err)
		}
	})
}

// reaching returns an Apply that reaches the milestone "half" between first and
// second.
func reaching(first, second func() error) func(context.Context, event.Reporter) error {
	return func(_ context.Context, r event.Reporter) error {
		if err := first(); err != nil {
			return err
		}
		r.Report(event.Reached("half"))
		r.Report(event.Reached("half")) // a repeated report has no effect
		return second()
	}
}

func nothing() error { return nil }

func TestRunner_Run_milestones(t *testing.T) {
	t.Parallel()
	t.Run("starts a stage at a milestone", func(t *testing.T) {
		t.Parallel()
		half := []Milestone{{"a", "half"}}
		loaded := make(chan struct{})
		got, err := outcomes(t, t.Context(),
			Stage{ID: "a", Observe: observe(Missing, ""), Apply: reaching(nothing, func() error { <-loaded; return nil })},
			Stage{ID: "b", AfterMilestones: half, Observe: observe(Missing, ""), Apply: func(context.Context, event.Reporter) error { close(loaded); return nil }},
			Stage{ID: "c", Needs: []string{"a", "b"}, Observe: observe(Missing, ""), Apply: apply(nil)})
		if err != nil || len(got) != 3 || got[2] != "c done" {
			t.Errorf("got %v, %v, want it to end with c done", got, err)
		}
	})

	t.Run("are reached when the stage finishes", func(t *testing.T) {
		t.Parallel()
		half := []Milestone{{"a", "half"}}
		for name, a := range map[string]Stage{
			"unchanged":             {ID: "a", Observe: observe(Satisfied, "")},
			"reported no milestone": {ID: "a", Observe: observe(Missing, ""), Apply: apply(nil)},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got, err := outcomes(t, t.Context(), a, Stage{ID: "b", AfterMilestones: half, Observe: observe(Missing, ""), Apply: apply(nil)})
				if err != nil || len(got) != 2 || got[1] != "b done" {
					t.Errorf("got %v, %v, want it to end with b done", got, err)
				}
			})
		}
	})

	// The stage depends on the failed one: it must stop, and its own error
	// is only a consequence.
	t.Run("cancels a stage started from a failed stage", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		for name, test := range map[string]struct {
			fails func() error                                // a, after half of it
			ahead func(context.Context, event.Reporter) error // b
		}{
			"while it runs": {
				func() error { return broken },
				func(ctx context.Context, _ event.Reporter) error { <-ctx.Done(); return ctx.Err() },
			},
			"after it failed itself": {
				func() error { time.Sleep(10 * time.Millisecond); return broken },
				apply(errors.New("no such container")),
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				begun := make(chan struct{})
				fails := func() error { <-begun; return test.fails() }
				ahead := func(ctx context.Context, r event.Reporter) error { close(begun); return test.ahead(ctx, r) }
				got, err := outcomes(t, t.Context(),
					Stage{ID: "a", Observe: observe(Missing, ""), Apply: reaching(nothing, fails)},
					Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: observe(Missing, ""), Apply: ahead},
					Stage{ID: "c", Needs: []string{"b"}, Observe: observe(Missing, ""), Apply: apply(nil)})
				want := "a failed, b canceled, c blocked"
				if joined := strings.Join(got, ", "); joined != want || err == nil || err.Error() != "broken" {
					t.Errorf("got %s, %v; want %s", joined, err, want)
				}
			})
		}
	})

	t.Run("fails a stage that fails after a milestone", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("disk full")
		got, err := outcomes(t, t.Context(),
			Stage{ID: "a", Observe: observe(Missing, ""), Apply: reaching(nothing, nothing)},
			Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: observe(Missing, ""), Apply: apply(broken)})
		if !errors.Is(err, broken) || len(got) != 2 || got[1] != "b failed" {
			t.Errorf("got %v, %v, want it to end with b failed", got, err)
		}
	})

	t.Run("blocks a stage waiting for a milestone of a failed stage", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		got, err := outcomes(t, t.Context(),
			Stage{ID: "a", Observe: observe(Missing, ""), Apply: reaching(func() error { return broken }, nothing)},
			Stage{ID: "b", AfterMilestones: []Milestone{{"a", "half"}}, Observe: observe(Missing, ""), Apply: apply(nil)})
		if !errors.Is(err, broken) || strings.Join(got, ", ") != "a failed, b blocked" {
			t.Errorf("got %v, %v, want a failed, b blocked", got, err)
		}
	})
}

func TestPlan_Select(t *testing.T) {
	t.Parallel()
	p, err := New(Stage{ID: "a"}, Stage{ID: "b", Needs: []string{"a"}}, Stage{ID: "c", Needs: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		selection Selection
		want      string
	}{
		"all stages by default":    {Selection{}, "a b c"},
		"from a stage":             {Selection{From: "b"}, "b c"},
		"up to a stage":            {Selection{To: "b"}, "a b"},
		"only some, in plan order": {Selection{Only: []string{"c", "a"}}, "a c"},
		"an unknown stage":         {Selection{To: "d"}, `unknown stage "d": the stages are a, b, c`},
		"an empty range":           {Selection{From: "c", To: "a"}, `stage "c" comes after "a": no stage would run`},
		"only excludes from":       {Selection{Only: []string{"a"}, From: "b"}, "--only cannot be combined with --from or --to"},
		"one stage":                {Selection{From: "b", To: "b"}, "b"},
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

func TestDryRun(t *testing.T) {
	t.Parallel()
	p, err := New(
		Stage{ID: "build", Observe: observe(Satisfied, "2 images match"), Apply: apply(errors.New("applied"))},
		Stage{ID: "cluster", Observe: observe(Missing, "no cluster"), Apply: apply(errors.New("applied"))},
		Stage{ID: "load", Needs: []string{"build", "cluster"}, Observe: observe(Satisfied, "not observed"), Apply: apply(nil)},
		Stage{ID: "release", Needs: []string{"load"}, Observe: observe(Satisfied, "not observed"), Apply: apply(nil)},
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
load     run   known after cluster
release  run   known after load`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRunner_Recover(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	failing, err := New(Stage{ID: "a", Observe: observe(Missing, ""), Apply: apply(broken)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := New(Stage{ID: "b", Title: "Back", Observe: observe(Drifted, ""), Apply: apply(nil)}, Stage{ID: "c", Needs: []string{"b"}, Observe: observe(Satisfied, "")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	runner := &Runner{Reporter: event.ReporterFunc(func(e event.Event) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s%s", e.Seq, e.Kind, e.Stage, e.Reason)))
		if e.Kind == event.RecoveryStarted && (len(e.Plan) != 2 || e.Plan[0].Title != "Back") {
			t.Errorf("got plan %v, want stages b and c", e.Plan)
		}
	})}
	if err := runner.Run(t.Context(), failing); !errors.Is(err, broken) {
		t.Errorf("Run: got %v, want %v", err, broken)
	}
	if err := runner.Recover(t.Context(), back, "a failed"); err != nil {
		t.Errorf("Recover: got %v, want nil", err)
	}
	want := "1 run.started, 2 stage.started a, 3 stage.finished a, 4 recovery.started a failed, 5 stage.started b, 6 stage.finished b, 7 stage.finished c"
	if joined := strings.Join(got, ", "); joined != want {
		t.Errorf("got  %s\nwant %s", joined, want)
	}
}

func TestRunner_Emit(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	begin := clock
	p, err := New(
		Stage{ID: "a", Observe: observe(Missing, ""), Apply: func(_ context.Context, r event.Reporter) error {
			clock = clock.Add(5 * time.Second)
			r.Report(event.Finished("with a duration", event.Done, "", 2*time.Second, 1))
			early := event.Finished("with a start", event.Done, "", time.Second, 1)
			early.Start = begin
			r.Report(early)
			r.Report(event.Finished("never started", event.Blocked, "", 0, 0))
			return errors.New("broken")
		}},
		Stage{ID: "b", Needs: []string{"a"}, Observe: observe(Missing, "")},
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
	_ = runner.Run(t.Context(), p) // fails in stage a
	want := map[string]time.Time{
		"a with a duration": begin.Add(3 * time.Second), "a with a start": begin, "a never started": {},
		"a ": begin, "b ": {},
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestRunner_Run_applyNeeds(t *testing.T) {
	t.Parallel()
	t.Run("does not delay an unchanged stage", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			all, err := finished(t, t.Context(),
				Stage{ID: "load", Observe: observe(Missing, ""), Apply: func(context.Context, event.Reporter) error {
					time.Sleep(time.Minute)
					return errors.New("no room")
				}},
				Stage{ID: "release", ApplyNeeds: []string{"load"}, Observe: observe(Satisfied, "")},
				Stage{ID: "verify", Needs: []string{"load", "release"}, Observe: observe(Unknown, "")},
			)
			var got []string
			for _, e := range all {
				got = append(got, e.Stage+" "+string(e.Outcome))
			}
			if joined := strings.Join(got, ", "); joined != "release unchanged, load failed, verify blocked" || err == nil {
				t.Errorf("got %s, %v", joined, err)
			}
		})
	})

	t.Run("observes first and applies afterwards", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			load    error // of the prerequisite
			observe error
			want    string
		}{
			"both succeed":           {nil, nil, "load done, release done"},
			"the prerequisite fails": {errors.New("no room"), nil, "load failed, release blocked"},
			"both fail":              {errors.New("no room"), errors.New("no API"), "load failed, release blocked"},
			"the observation fails":  {nil, errors.New("no API"), "load done, release failed"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var observed, loaded atomic.Bool
					stages := []Stage{
						{ID: "load", Observe: observe(Missing, ""), Apply: func(context.Context, event.Reporter) error {
							time.Sleep(time.Minute)
							loaded.Store(true)
							if !observed.Load() {
								t.Error("release did not observe while load was running")
							}
							return test.load
						}},
						{ID: "release", ApplyNeeds: []string{"load"}, Observe: func(context.Context) (Observation, error) {
							time.Sleep(time.Second)
							observed.Store(true)
							return Observation{Missing, ""}, test.observe
						}, Apply: func(context.Context, event.Reporter) error {
							if !loaded.Load() {
								t.Error("release was applied before load finished")
							}
							time.Sleep(2 * time.Second)
							return nil
						}},
					}
					all, err := finished(t, t.Context(), stages...)
					var got []string
					for _, e := range all {
						got = append(got, e.Stage+" "+string(e.Outcome))
						if e.Stage == "release" && e.Outcome == event.Done && e.Elapsed != 3*time.Second {
							t.Errorf("got elapsed %s, want 3s without the wait for load", e.Elapsed)
						}
					}
					if joined := strings.Join(got, ", "); joined != test.want || (err == nil) != (test.load == nil && test.observe == nil) {
						t.Errorf("got %s, %v", joined, err)
					}
				})
			})
		}
	})
}
