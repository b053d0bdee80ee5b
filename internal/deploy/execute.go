package deploy

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// Execution runs a plan under locks and reports its events, from run.started to
// run.finished.
type Execution struct {
	Plan     plan.Plan
	Locks    *Locks          // nil acquires none
	Recovery RecoveryPlanner // nil does not roll back a failed run
	Reporter event.Reporter
	Recorder Recorder // nil collects nothing

	// ExitCode returns the exit code that run.finished reports for an error.
	ExitCode func(context.Context, error) int
}

// Recorder collects a support bundle if a run fails. It also receives the run's
// events.
type Recorder interface {
	event.Reporter

	// Collect is called if the run has failed, while the locks are held and
	// before any rollback.
	Collect(ctx context.Context, failure error, runner *plan.Runner)

	// Finish is called before run.finished is reported. It returns the
	// bundle's directory, or "" if there is none.
	Finish(ctx context.Context, failure error, rolledBack bool, runner *plan.Runner) string
}

// Run runs the plan. It reports run.finished in all cases.
func (x Execution) Run(ctx context.Context) error {
	if x.Recorder == nil {
		x.Recorder = noRecorder{event.Discard}
	}
	runner := &plan.Runner{Reporter: event.Tee(x.Reporter, x.Recorder)}
	start := runner.Time()
	stopWarning := warnOnSignal(ctx, runner)
	rolledBack, err := x.runLocked(ctx, runner)
	stopWarning()
	finished := event.Event{Kind: event.RunFinished, Outcome: event.Done, Start: start, Elapsed: runner.Time().Sub(start), Exit: x.ExitCode(ctx, err), RolledBack: rolledBack}
	switch {
	case err == nil: // a signal that comes when all is done changes nothing
	case ctx.Err() != nil:
		finished.Outcome = event.Canceled
	default:
		finished.Outcome = event.Failed
	}
	if fault.ClassOf(err) == fault.Locked {
		finished.Err = err // no stage tells it
	}
	finished.Diagnostics = x.Recorder.Finish(ctx, err, rolledBack, runner)
	runner.Emit(finished)
	return err
}

// runLocked runs the plan while it holds the locks. If they cannot be had, or
// are lost, the run stops, and that alone is the error: what else failed then,
// failed because of it. The evidence of a failure is taken under the locks too,
// and before anything is taken back.
func (x Execution) runLocked(ctx context.Context, runner *plan.Runner) (rolledBack bool, err error) {
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	if err := x.Locks.take(ctx, lose, runner); err != nil {
		return false, errors.Join(runner.Run(ctx, plan.Plan{}), err)
	}
	defer x.Locks.release(ctx)
	err = runner.Run(ctx, x.Locks.guard(x.Plan))
	if err != nil {
		x.Recorder.Collect(ctx, err, runner)
	}
	if err != nil && x.Recovery != nil {
		rolledBack, err = recoverFrom(ctx, runner, x.Recovery, err)
	}
	if cause := context.Cause(ctx); fault.ClassOf(cause) == fault.Locked {
		return rolledBack, cause
	}
	return rolledBack, err
}

// warnOnSignal says so as soon as a signal ends a run that has started, since
// what is under way may need a moment. The runner's reporter is wrapped; the
// function that is returned ends the watch.
func warnOnSignal(ctx context.Context, runner *plan.Runner) (end func()) {
	stop, warned := func() bool { return true }, make(chan struct{})
	runner.Reporter = event.Tee(runner.Reporter, event.ReporterFunc(func(e event.Event) {
		if e.Kind != event.RunStarted {
			return
		}
		stop = context.AfterFunc(ctx, func() {
			defer close(warned)
			runner.Emit(event.Warn("stopping, and leaving nothing half-done; a second signal ends at once"))
		})
	}))
	return func() {
		if !stop() {
			<-warned
		}
	}
}

// noRecorder is a Recorder that collects nothing.
type noRecorder struct{ event.Reporter }

func (noRecorder) Collect(context.Context, error, *plan.Runner) {}

func (noRecorder) Finish(context.Context, error, bool, *plan.Runner) string { return "" }
