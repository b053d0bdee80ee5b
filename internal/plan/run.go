package plan

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A Runner runs plans.
type Runner struct {
	Reporter event.Reporter   // told about everything; nil is silent
	Now      func() time.Time // nil is time.Now

	mu  sync.Mutex // serialises the reporter
	seq int        // of the last event
}

// A StageError says which stage an error came from.
type StageError struct {
	Stage string
	Err   error
}

func (e *StageError) Error() string { return e.Err.Error() }

// Unwrap gives the stage's own error.
func (e *StageError) Unwrap() error { return e.Err }

// Run observes each stage and, where the world is not as wanted, acts. Stages
// whose needs are met run side by side; one looks before its ActNeeds are met.
// When a stage fails, the stages that need it are blocked, those that run on the
// strength of one of its milestones are canceled, the others finish, and the
// result joins the failures, each a [*StageError], in the plan's order. A
// canceled ctx starts no further stage.
//
// Run reports run.started first. The caller reports run.finished when what it
// wants to do after the stages is done; see [Runner.Emit].
func (r *Runner) Run(ctx context.Context, p Plan) error {
	r.Emit(event.Event{Kind: event.RunStarted, Plan: p.infos()})
	return r.run(ctx, p)
}

// Recover runs further stages to take back what a failed Run did; cause says
// in words why. It is part of the same stream of events: it reports
// recovery.started first, and is otherwise as Run. The stages' IDs must not be
// those of stages that ran before. Whoever calls it decides whether there is
// anything to take back, and calls it once: a failed recovery is not recovered
// from.
func (r *Runner) Recover(ctx context.Context, p Plan, cause string) error {
	r.Emit(event.Event{Kind: event.RecoveryStarted, Reason: cause, Plan: p.infos()})
	return r.run(ctx, p)
}

func (r *Runner) run(ctx context.Context, p Plan) error {
	run := &run{
		Runner:  r,
		plan:    p,
		done:    make(map[string]chan struct{}, len(p.stages)),
		reached: map[Milestone]chan struct{}{},
		ended:   make(map[string]event.Outcome, len(p.stages)),
		errs:    make([]error, len(p.stages)),
	}
	for _, s := range p.stages {
		run.done[s.ID] = make(chan struct{})
		for _, m := range s.AfterMilestones {
			run.reached[m] = make(chan struct{})
		}
	}
	var wg sync.WaitGroup
	for i, s := range p.stages {
		wg.Go(func() { run.stage(ctx, i, s) })
	}
	wg.Wait()
	return errors.Join(run.errs...)
}

// run is one call of Runner.Run or Runner.Recover.
type run struct {
	*Runner
	plan    Plan
	done    map[string]chan struct{}    // closed when the stage has ended; read-only after set-up
	reached map[Milestone]chan struct{} // closed, under endedMu, when it is reached; read-only after set-up
	errs    []error                     // by the stage's position; each written by its stage only

	endedMu sync.Mutex
	ended   map[string]event.Outcome
}

func (r *run) stage(ctx context.Context, i int, s Stage) {
	defer close(r.done[s.ID])
	if blocker := r.await(s, s.toLook()); blocker != "" {
		r.finish(s, event.Event{Outcome: event.Blocked, Reason: "needs " + blocker})
		return
	}
	if ctx.Err() != nil {
		r.errs[i] = &StageError{s.ID, ctx.Err()}
		r.finish(s, event.Event{Outcome: event.Canceled})
		return
	}
	start := r.Time()
	did := r.ahead(ctx, s)
	end := func(e event.Event) {
		if e.Outcome != event.Blocked {
			e.Start = start.Add(did.waited)
			e.Elapsed = r.Time().Sub(e.Start)
		}
		r.finish(s, e)
	}
	if did.err == nil {
		end(event.Event{Outcome: did.outcome, Reason: did.cause})
		return
	}
	if broken := r.broken(s); broken != "" && ctx.Err() == nil {
		end(event.Event{Outcome: event.Canceled, Reason: "needs " + broken}) // which tells the failure
		return
	}
	outcome := event.Failed
	if ctx.Err() != nil && errors.Is(did.err, context.Canceled) {
		outcome = event.Canceled
	}
	r.errs[i] = &StageError{s.ID, did.err}
	end(event.Event{Outcome: outcome, Reason: did.cause, Err: did.err})
}

// await waits until the others have ended, or got as far as s wants. It names
// the first that did not succeed.
func (r *run) await(s Stage, others []string) string {
	for _, need := range r.plan.among(others) {
		select {
		case <-r.done[need]:
			if !r.succeeded(need) {
				return need
			}
		case <-r.reachedBy(s, need):
		}
	}
	return ""
}

// reachedBy is closed when the other stage has come as far as s wants. It is
// nil if s wants all of it.
func (r *run) reachedBy(s Stage, other string) <-chan struct{} {
	for _, m := range s.AfterMilestones {
		if m.Stage == other {
			return r.reached[m]
		}
	}
	return nil
}

func (r *run) succeeded(id string) bool {
	r.endedMu.Lock()
	defer r.endedMu.Unlock()
	return r.ended[id] == event.Done || r.ended[id] == event.Unchanged
}

// ahead performs a stage and cancels it when another fails that it runs ahead of.
func (r *run) ahead(ctx context.Context, s Stage) performed {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, m := range s.AfterMilestones {
		go func() {
			select {
			case <-r.done[m.Stage]: // never, if it is not part of the plan
				if !r.succeeded(m.Stage) {
					cancel()
				}
			case <-ctx.Done():
			}
		}()
	}
	return r.perform(ctx, s)
}

// broken waits for the stages that a failed one ran ahead of and names the first
// that failed: it took away what the other stood on.
func (r *run) broken(s Stage) string {
	for _, m := range s.AfterMilestones {
		if done, planned := r.done[m.Stage]; planned {
			if <-done; !r.succeeded(m.Stage) {
				return m.Stage
			}
		}
	}
	return ""
}

// performed is what became of a stage.
type performed struct {
	outcome event.Outcome
	cause   string
	err     error
	waited  time.Duration // for others, after it had looked
}

func (r *run) perform(ctx context.Context, s Stage) performed {
	seen, err := s.Observe(ctx)
	if err == nil && (seen.State == Satisfied || s.Apply == nil) {
		return performed{outcome: event.Unchanged, cause: seen.Reason}
	}
	looked := r.Time()
	blocker := r.await(s, s.ApplyNeeds)
	did := performed{cause: seen.Reason, waited: r.Time().Sub(looked)}
	switch {
	case blocker != "":
		did.outcome, did.cause = event.Blocked, "needs "+blocker
	case err != nil:
		did.err = err
	default:
		did.outcome, did.err = event.Done, r.act(ctx, s, seen.Reason)
	}
	return did
}

func (r *run) act(ctx context.Context, s Stage, cause string) error {
	r.Emit(event.Event{Kind: event.StageStarted, Stage: s.ID, Reason: cause})
	return s.Apply(ctx, event.ReporterFunc(func(e event.Event) {
		e.Stage = s.ID
		r.Emit(e)
		if e.Kind == event.MilestoneReached {
			r.reach(Milestone{s.ID, e.Milestone})
		}
	}))
}

// reach lets those go on who wait for the milestone. A stage may tell it again.
func (r *run) reach(m Milestone) {
	r.endedMu.Lock()
	defer r.endedMu.Unlock()
	reached, wanted := r.reached[m]
	if !wanted {
		return
	}
	select {
	case <-reached:
	default:
		close(reached)
	}
}

func (r *run) finish(s Stage, end event.Event) {
	r.endedMu.Lock()
	r.ended[s.ID] = end.Outcome
	r.endedMu.Unlock()
	end.Kind, end.Stage = event.StageFinished, s.ID
	r.Emit(end)
}

// Emit stamps e with its number and time and reports it. Calls are serialised,
// so that a reporter sees one event at a time, in the order of their numbers.
func (r *Runner) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e.Seq, e.Time = r.seq, r.Time()
	if e.Kind == event.ItemFinished && e.Start.IsZero() && e.Outcome != event.Blocked {
		e.Start = e.Time.Add(-e.Elapsed)
	}
	if r.Reporter != nil {
		r.Reporter.Report(e)
	}
}

// Time is the runner's clock.
func (r *Runner) Time() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// A Decision is what a stage would do.
type PlannedAction struct {
	Stage, Title string
	Observation
	Applies bool // would act
}

// Preview observes the stages in order and acts on nothing. A stage behind one
// that would act cannot be told yet and is Unknown.
func DryRun(ctx context.Context, p Plan) ([]PlannedAction, error) {
	acts := map[string]bool{}
	var decisions []PlannedAction
	for _, s := range p.stages {
		d := PlannedAction{Stage: s.ID, Title: s.Title}
		if behind := firstActing(p.among(s.toLook()), acts); behind != "" {
			d.Observation = Observation{Unknown, "told only after " + behind}
		} else {
			seen, err := s.Observe(ctx)
			if err != nil {
				return decisions, &StageError{s.ID, err}
			}
			d.Observation = seen
		}
		d.Applies = d.State != Satisfied && s.Apply != nil
		acts[s.ID] = d.Applies
		decisions = append(decisions, d)
	}
	return decisions, nil
}

func firstActing(needs []string, acts map[string]bool) string {
	for _, need := range needs {
		if acts[need] {
			return need
		}
	}
	return ""
}

func (d PlannedAction) String() string {
	verb := "keep"
	if d.Applies {
		verb = "run"
	}
	return fmt.Sprintf("%-8s %-5s %s", d.Stage, verb, d.Reason)
}
