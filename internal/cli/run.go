package cli

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// run runs a plan under locks with its events rendered. A planner, which may be
// nil, says how what failed is taken back.
func (w *workspace) run(ctx context.Context, p plan.Plan, recovery deploy.RecoveryPlanner, locks *deploy.Locks, streams Streams) error {
	reporter := w.reporter(streams)
	evidence := w.evidence(ctx)
	err := deploy.Execution{Plan: p, Locks: locks, Recovery: recovery, Reporter: reporter, Recorder: evidence, ExitCode: statusOf}.Run(ctx)
	return errors.Join(err, reporter.Close(), evidence.close())
}
