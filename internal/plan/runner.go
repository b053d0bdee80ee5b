package plan

import (
	"context"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// Runner runs plans and reports their events.
type Runner struct {
	Reporter event.Reporter   // nil drops the events
	Now      func() time.Time // default: time.Now

	mu  sync.Mutex // serializes calls of Reporter
	seq int        // of the last event
}

// StageError is an error of a stage.
type StageError struct {
	Stage string
	Err   error
}

func (e *StageError) Error() string { return e.Err.Error() }

// Unwrap returns the stage's error.
func (e *StageError) Unwrap() error { return e.Err }

// Run observes each stage and applies it if its state is not the desired one.
// Stages run in parallel once their needs are met. If a stage fails, its
// dependents are blocked, stages that started from one of its milestones are
// canceled, and the others finish. Run returns all failures, each a
// [*StageError], joined in plan order. It starts no stage after ctx is done.
//
// Run reports run.started. The caller reports run.finished with [Runner.Emit].
func (r *Runner) Run(ctx context.Context, p Plan) error {
	r.Emit(event.Event{Kind: event.RunStarted, Plan: p.infos()})
	return r.run(ctx, p)
}

// Recover runs the stages that undo a failed Run, in the same event stream. It
// reports recovery.started with the reason and otherwise works like Run. The
// stage IDs must differ from those of the failed run. Call it at most once.
func (r *Runner) Recover(ctx context.Context, p Plan, reason string) error {
	r.Emit(event.Event{Kind: event.RecoveryStarted, Reason: reason, Plan: p.infos()})
	return r.run(ctx, p)
}

// Emit sets the number and time of e and reports it. It is safe for concurrent
// use; the reporter receives one event at a time.
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

// Time returns the time of the runner's clock.
func (r *Runner) Time() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
