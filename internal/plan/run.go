package plan

import (
	"context"
	"errors"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

type run struct {
	runner   *Runner
	plan     Plan
	finished map[string]chan struct{}    // read-only; closed when finished
	reached  map[Milestone]chan struct{} // read-only; closed, under mu, when reached
	errs     []error                     // by stage index; each stage writes its own

	mu       sync.Mutex
	outcomes map[string]event.Outcome
}

func (r *Runner) run(ctx context.Context, p Plan) error {
	run := &run{
		runner:   r,
		plan:     p,
		finished: make(map[string]chan struct{}, len(p.stages)),
		reached:  map[Milestone]chan struct{}{},
		outcomes: make(map[string]event.Outcome, len(p.stages)),
		errs:     make([]error, len(p.stages)),
	}
	for _, s := range p.stages {
		run.finished[s.ID] = make(chan struct{})
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

func (r *run) stage(ctx context.Context, i int, s Stage) {
	defer close(r.finished[s.ID])
	if need := r.await(s, s.observePrerequisites()); need != "" {
		r.finish(s, event.Event{Outcome: event.Blocked, Reason: "needs " + need})
		return
	}
	if ctx.Err() != nil {
		r.errs[i] = &StageError{s.ID, ctx.Err()}
		r.finish(s, event.Event{Outcome: event.Canceled})
		return
	}
	start := r.runner.Time()
	result := r.performUnlessBroken(ctx, s)
	end := event.Event{Outcome: result.outcome, Reason: result.reason, Err: result.err}
	if need := r.brokenMilestone(s, result.err); need != "" && ctx.Err() == nil {
		// The failed stage reports the error; this one would only
		// repeat it.
		end = event.Event{Outcome: event.Canceled, Reason: "needs " + need}
	} else if result.err != nil {
		r.errs[i] = &StageError{s.ID, result.err}
		if ctx.Err() != nil && errors.Is(result.err, context.Canceled) {
			end.Outcome = event.Canceled
		}
	}
	if end.Outcome != event.Blocked {
		end.Start = start.Add(result.waited)
		end.Elapsed = r.runner.Time().Sub(end.Start)
	}
	r.finish(s, end)
}

func (r *run) finish(s Stage, end event.Event) {
	r.mu.Lock()
	r.outcomes[s.ID] = end.Outcome
	r.mu.Unlock()
	end.Kind, end.Stage = event.StageFinished, s.ID
	r.runner.Emit(end)
}

type result struct {
	outcome event.Outcome
	reason  string
	err     error
	waited  time.Duration // for ApplyNeeds
}

func (r *run) perform(ctx context.Context, s Stage) result {
	observed, err := s.Observe(ctx)
	if err == nil && (observed.State == Satisfied || s.Apply == nil) {
		return result{outcome: event.Unchanged, reason: observed.Reason}
	}
	observedAt := r.runner.Time()
	need := r.await(s, s.ApplyNeeds)
	did := result{outcome: event.Done, reason: observed.Reason, waited: r.runner.Time().Sub(observedAt)}
	switch {
	case need != "":
		return result{outcome: event.Blocked, reason: "needs " + need}
	case err != nil:
		did.err = err
	default:
		did.err = r.apply(ctx, s, observed.Reason)
	}
	if did.err != nil {
		did.outcome = event.Failed
	}
	return did
}

func (r *run) apply(ctx context.Context, s Stage, reason string) error {
	r.runner.Emit(event.Event{Kind: event.StageStarted, Stage: s.ID, Reason: reason})
	return s.Apply(ctx, event.ReporterFunc(func(e event.Event) {
		e.Stage = s.ID
		r.runner.Emit(e)
		if e.Kind == event.MilestoneReached {
			r.reach(Milestone{s.ID, e.Milestone})
		}
	}))
}
