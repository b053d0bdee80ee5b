package app

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// run runs a plan under locks with its events rendered, and ends the stream with
// run.finished, whatever happens.
func (w *workspace) run(ctx context.Context, p plan.Plan, locks *locks, streams Streams) error {
	return w.runOrRecover(ctx, p, nil, locks, streams)
}

// runOrRecover is run with a recoverer: what failed may be taken back within
// the same stream of events.
func (w *workspace) runOrRecover(ctx context.Context, p plan.Plan, find recoverer, locks *locks, streams Streams) error {
	reporter := w.reporter(streams)
	evidence := w.evidence(ctx)
	runner := &plan.Runner{Reporter: event.Tee(reporter, evidence)}
	start := runner.Time()
	told := tellOfSignal(ctx, runner)
	rolledBack, err := runLocked(ctx, runner, p, find, locks, evidence)
	told()
	finished := event.Event{Kind: event.RunFinished, Outcome: event.Done, Start: start, Elapsed: runner.Time().Sub(start), Exit: statusOf(ctx, err), RolledBack: rolledBack}
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
	finished.Diagnostics = evidence.conclude(ctx, err, rolledBack, runner)
	runner.Emit(finished)
	return errors.Join(err, reporter.Close(), evidence.close())
}

// runLocked runs the plan while it holds the locks. If they cannot be had, or
// are lost, the run stops, and that alone is the error: what else failed then,
// failed because of it. The evidence of a failure is taken under the locks too,
// and before anything is taken back.
func runLocked(ctx context.Context, runner *plan.Runner, p plan.Plan, find recoverer, locks *locks, evidence *evidence) (rolledBack bool, err error) {
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	if err := locks.take(ctx, lose, runner); err != nil {
		return false, errors.Join(runner.Run(ctx, plan.Plan{}), err)
	}
	defer locks.release(ctx)
	err = runner.Run(ctx, locks.guard(p))
	evidence.gather(ctx, err, runner)
	if err != nil && find != nil {
		rolledBack, err = recoverFrom(ctx, runner, find, err)
	}
	if cause := context.Cause(ctx); fault.ClassOf(cause) == fault.Locked {
		return rolledBack, cause
	}
	return rolledBack, err
}

// tellOfSignal says so as soon as a signal ends a run that has started, since
// what is under way may need a moment. The runner's reporter is wrapped; the
// function that is returned ends the watch.
func tellOfSignal(ctx context.Context, runner *plan.Runner) (end func()) {
	stop, told := func() bool { return true }, make(chan struct{})
	runner.Reporter = event.Tee(runner.Reporter, event.ReporterFunc(func(e event.Event) {
		if e.Kind != event.RunStarted {
			return
		}
		stop = context.AfterFunc(ctx, func() {
			defer close(told)
			runner.Emit(event.Warn("stopping, and leaving nothing half-done; a second signal ends at once"))
		})
	}))
	return func() {
		if !stop() {
			<-told
		}
	}
}
