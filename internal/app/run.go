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
func run(ctx context.Context, p plan.Plan, streams Streams, asJSON bool) error {
	return runOrRecover(ctx, p, nil, streams, asJSON)
}

// runOrRecover is run with a recoverer: what failed may be taken back within
// the same stream of events.
func runOrRecover(ctx context.Context, p plan.Plan, find recoverer, streams Streams, asJSON bool) error {
	reporter := report.New(report.Options{Out: streams.Out, Err: streams.Err, JSON: asJSON, TTY: streams.TTY, Color: streams.Color})
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
