package app

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
)

// run runs a plan with its events rendered, and ends the stream with
// run.finished, whatever happens.
func (w *workspace) run(ctx context.Context, p plan.Plan, streams Streams) error {
	return w.runOrRecover(ctx, p, nil, streams)
}

// runOrRecover is run with a recoverer: what failed may be taken back within
// the same stream of events.
func (w *workspace) runOrRecover(ctx context.Context, p plan.Plan, find recoverer, streams Streams) error {
	reporter := report.New(report.Options{
		Out: streams.Out, Err: streams.Err, JSON: w.json, TTY: streams.TTY, Color: streams.Color,
		JUnit: w.junitOptions(),
	})
	runner := &plan.Runner{Reporter: reporter}
	start := runner.Time()
	err := runner.Run(ctx, p)
	rolledBack := false
	if err != nil && find != nil {
		rolledBack, err = recoverFrom(ctx, runner, find, err)
	}
	outcome := event.Done
	switch {
	case ctx.Err() != nil:
		outcome = event.Canceled
	case err != nil:
		outcome = event.Failed
	}
	runner.Emit(event.Event{Kind: event.RunFinished, Outcome: outcome, Elapsed: runner.Time().Sub(start), Exit: statusOf(ctx, err), RolledBack: rolledBack})
	return errors.Join(err, reporter.Close())
}
