package deploy

import (
	"context"
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// Recovery describes the rollback of a failed run.
type Recovery struct {
	Plan   plan.Plan
	Reason string
	Done   string // warning after a successful recovery
	Hint   string // hint for a failed recovery
}

// RecoveryPlanner plans the recovery from a failure. If there is none, why is the
// reason to print, or "".
type RecoveryPlanner func(ctx context.Context, failure error) (recovery *Recovery, why string)

// recoverFrom recovers from a failure if possible and returns the failure. If the
// recovery fails too, it adds an error of class Rollback.
func recoverFrom(ctx context.Context, runner *plan.Runner, planRecovery RecoveryPlanner, failure error) (rolledBack bool, err error) {
	recovery, why := planRecovery(ctx, failure)
	if recovery == nil {
		if why != "" {
			runner.Emit(event.Warn(why))
		}
		return false, failure
	}
	if err := runner.Recover(ctx, recovery.Plan, recovery.Reason); err != nil {
		return false, errors.Join(failure, fault.New(fault.Rollback, fmt.Errorf("roll back after this failure: %w", err), recovery.Hint))
	}
	runner.Emit(event.Warn(recovery.Done))
	return true, failure
}

// PlanRecovery is the [RecoveryPlanner] of `tkdeploy up`. It rolls back to the
// newest verified revision if the run's own revision failed its rollout or smoke
// test, or after it had changed objects, but not after a timeout or a signal.
func (r *Run) PlanRecovery(ctx context.Context, failure error) (*Recovery, string) {
	if ctx.Err() != nil || r.WrittenRevision == 0 || !isRevisionFailure(failure) {
		return nil, ""
	}
	if !isConclusive(failure) {
		return nil, fmt.Sprintf("keeping revision %d: it may only be slow, a timeout proves nothing; run \"tkdeploy rollback\" to roll back", r.WrittenRevision)
	}
	if r.options.NoRollback {
		return nil, fmt.Sprintf("keeping failed revision %d (--no-rollback); run \"tkdeploy rollback\" to roll back", r.WrittenRevision)
	}
	p, err := plan.New(r.rollbackStages(recoveryPrefix, 0)...)
	if err != nil {
		return nil, err.Error()
	}
	client, err := r.session.OpenRelease(ctx)
	if err != nil {
		return nil, err.Error()
	}
	found, err := client.ResolveRollback(ctx, 0)
	switch {
	case errors.Is(err, release.ErrNoTarget):
		return nil, fmt.Sprintf("keeping failed revision %d: %v", r.WrittenRevision, err)
	case err == nil && found.Done:
		return nil, fmt.Sprintf("keeping failed revision %d: revision %d, the newest verified one, has the same objects", r.WrittenRevision, found.To.Revision)
	case err != nil: // the target stage fails with the same error and reports it
		return &Recovery{
			Plan:   p,
			Reason: fmt.Sprintf("revision %d failed: rolling back", r.WrittenRevision),
			Hint:   `run "tkdeploy status" to see what is deployed; run "tkdeploy rollback" to try again`,
		}, ""
	}
	return newRecovery(p, found, r.options.Verify), ""
}

func newRecovery(p plan.Plan, found release.Rollback, verify bool) *Recovery {
	from, to := found.From.Revision, found.To.Revision
	done := fmt.Sprintf("revision %d was rolled back: revision %d is deployed, with the objects of revision %d", from, from+1, to)
	if verify {
		done += ", and passed its smoke test"
	}
	return &Recovery{
		Plan:   p,
		Reason: fmt.Sprintf("revision %d failed: rolling back to %s", from, found),
		Done:   done,
		Hint: fmt.Sprintf("run \"tkdeploy status\" to see what is deployed; then run \"tkdeploy rollback --to %d\",\n"+
			"or fix the sources and run \"tkdeploy up\"", to),
	}
}

func isRevisionFailure(failure error) bool {
	for _, err := range fault.Split(failure) {
		var stage *plan.StageError
		if !errors.As(err, &stage) {
			return false
		}
		class := fault.ClassOf(err)
		switch stage.Stage {
		case StageRollout, StageVerify:
			if class != fault.Unhealthy && class != fault.Smoke {
				return false
			}
		case StageRelease:
			var unfinished *release.UnfinishedError
			if class != fault.Apply || !errors.As(err, &unfinished) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isConclusive reports whether a failed rollout proves that the revision is bad. A
// timeout does not.
func isConclusive(failure error) bool {
	for _, err := range fault.Split(failure) {
		var rolled *rollout.Failure
		if errors.As(err, &rolled) && !rolled.Conclusive() {
			return false
		}
	}
	return true
}
