package app

import (
	"context"
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// A recovery is what takes a failed run back.
type recovery struct {
	plan  plan.Plan
	cause string // why, in words
	done  string // what there is afterwards
	hint  string // what a person can do if it fails
}

// A recoverer looks at a run's failure and tells how it is taken back. If it is
// not, the result is nil, and why says the reason where a person would wonder.
type recoverer func(ctx context.Context, failure error) (back *recovery, why string)

// recoverFrom takes a failed run back if there is a way, once. The error is the
// failure, which keeps its exit status; if the recovery fails as well, it is
// both, with the class Rollback.
func recoverFrom(ctx context.Context, runner *plan.Runner, find recoverer, failure error) (rolledBack bool, err error) {
	back, why := find(ctx, failure)
	if back == nil {
		if why != "" {
			runner.Emit(event.Warn(why))
		}
		return false, failure
	}
	if err := runner.Recover(ctx, back.plan, back.cause); err != nil {
		return false, errors.Join(failure, fault.New(fault.Rollback, fmt.Errorf("go back after this failure: %w", err), back.hint))
	}
	runner.Emit(event.Warn(back.done))
	return true, failure
}

// back is the recoverer of up. It goes back to the newest verified revision if
// this run wrote the newest one and it is proven to be bad: its workloads do
// not come up, or its smoke test failed. A timeout proves nothing, and after a
// signal nothing new is begun.
func (d *deployment) back(ctx context.Context, failure error) (*recovery, string) {
	if ctx.Err() != nil || d.written == 0 || !provenBad(failure) {
		return nil, ""
	}
	if d.noRollback {
		return nil, fmt.Sprintf("revision %d is kept as it failed (--no-rollback); tkdeploy rollback goes back", d.written)
	}
	d.revision = 0
	p, err := plan.New(d.rollbackStages(recoveryPrefix)...)
	if err != nil {
		return nil, err.Error()
	}
	client, err := d.release()
	if err != nil {
		return nil, err.Error()
	}
	way, err := client.ResolveRollback(ctx, 0)
	switch {
	case errors.Is(err, release.ErrNoTarget):
		return nil, fmt.Sprintf("revision %d is kept as it failed: %v", d.written, err)
	case err == nil && way.Done:
		return nil, fmt.Sprintf("revision %d is kept as it failed: revision %d, the newest verified one, has the same objects", d.written, way.To.Revision)
	case err != nil: // the first stage meets it again, and says so
		return &recovery{plan: p, cause: fmt.Sprintf("revision %d failed: going back", d.written), hint: "tkdeploy status shows what runs; tkdeploy rollback tries again"}, ""
	}
	return describeRecovery(p, way, d.verify), ""
}

func describeRecovery(p plan.Plan, way release.Rollback, verify bool) *recovery {
	from, to := way.From.Revision, way.To.Revision
	done := fmt.Sprintf("revision %d was taken back: revision %d serves, with the objects of revision %d", from, from+1, to)
	if verify {
		done += ", and passed its smoke test"
	}
	return &recovery{
		plan:  p,
		cause: fmt.Sprintf("revision %d failed: going back to %s", from, way),
		done:  done,
		hint: fmt.Sprintf("tkdeploy status shows what runs; then go back by hand, tkdeploy rollback --to %d,\n"+
			"or correct the sources and run tkdeploy up", to),
	}
}

// provenBad reports that all failures are of a revision that is bad.
func provenBad(failure error) bool {
	for _, err := range split(failure) {
		var stage *plan.StageError
		if !errors.As(err, &stage) || stage.Stage != stageRollout && stage.Stage != stageVerify {
			return false
		}
		if class := fault.ClassOf(err); class != fault.Unhealthy && class != fault.Smoke {
			return false
		}
	}
	return true
}
