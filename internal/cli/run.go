package cli

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// run runs the plan under the locks and renders its events.
func (i *invocation) run(ctx context.Context, p plan.Plan, recovery deploy.RecoveryPlanner, locks *deploy.Locks, streams Streams) error {
	reporter := i.reporter(streams)
	recorder := i.recordBundle(ctx)
	err := deploy.Execution{Plan: p, Locks: locks, Recovery: recovery, Reporter: reporter, Recorder: recorder, ExitCode: exitCode}.Run(ctx)
	return errors.Join(err, reporter.Close(), recorder.close())
}
