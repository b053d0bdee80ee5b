package deploy

import (
	"context"
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// Recovery is what takes a failed run back.
type Recovery struct {
	Plan  plan.Plan
	Cause string // why, in words
	Done  string // what there is afterwards
	Hint  string // what a person can do if it fails
}

// RecoveryPlanner looks at a run's failure and tells how it is taken back. If it is
// not, the result is nil, and why says the reason where a person would wonder.
type RecoveryPlanner func(ctx context.Context, failure error) (back *Recovery, why string)

// recoverFrom takes a failed run back if there is a way, once. The error is the
// failure, which keeps its exit status; if the recovery fails as well, it is
// both, with the class Rollback.
func recoverFrom(ctx context.Context, runner *plan.Runner, find RecoveryPlanner, failure error) (rolledBack bool, err error) {
	back, why := find(ctx, failure)
	if back == nil {
		if why != "" {
			runner.Emit(event.Warn(why))
		}
		return false, failure
	}
	if err := runner.Recover(ctx, back.Plan, back.Cause); err != nil {
		return false, errors.Join(failure, fault.New(fault.Rollback, fmt.Errorf("go back after this failure: %w", err), back.Hint))
	}
	runner.Emit(event.Warn(back.Done))
	return true, failure
}

// PlanRecovery is the recoverer of up. It goes back to the newest verified revision if
// this run wrote the newest one and it is proven to be bad: its workloads do
// not come up, or its smoke test failed. A timeout proves nothing, and after a
// signal nothing new is begun.
func (d *Run) PlanRecovery(ctx context.Context, failure error) (*Recovery, string) {
	if ctx.Err() != nil || d.written == 0 || !provenBad(failure) {
		return nil, ""
	}
	if d.NoRollback {
		return nil, fmt.Sprintf("revision %d is kept as it failed (--no-rollback); tkdeploy rollback goes back", d.written)
	}
	d.Revision = 0
	p, err := plan.New(d.rollbackStages(recoveryPrefix)...)
	if err != nil {
		return nil, err.Error()
	}
	client, err := d.OpenRelease()
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
		return &Recovery{Plan: p, Cause: fmt.Sprintf("revision %d failed: going back", d.written), Hint: "tkdeploy status shows what runs; tkdeploy rollback tries again"}, ""
	}
	return describeRecovery(p, way, d.Verify), ""
}

func describeRecovery(p plan.Plan, way release.Rollback, verify bool) *Recovery {
	from, to := way.From.Revision, way.To.Revision
	done := fmt.Sprintf("revision %d was taken back: revision %d serves, with the objects of revision %d", from, from+1, to)
	if verify {
		done += ", and passed its smoke test"
	}
	return &Recovery{
		Plan:  p,
		Cause: fmt.Sprintf("revision %d failed: going back to %s", from, way),
		Done:  done,
		Hint: fmt.Sprintf("tkdeploy status shows what runs; then go back by hand, tkdeploy rollback --to %d,\n"+
			"or correct the sources and run tkdeploy up", to),
	}
}

// provenBad reports that all failures are of a revision that is bad.
func provenBad(failure error) bool {
	for _, err := range Failures(failure) {
		var stage *plan.StageError
		if !errors.As(err, &stage) || stage.Stage != StageRollout && stage.Stage != StageVerify {
			return false
		}
		if class := fault.ClassOf(err); class != fault.Unhealthy && class != fault.Smoke {
			return false
		}
	}
	return true
}

// Failures undoes an errors.Join at the top, and those right below it.
func Failures(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, Failures(e)...)
	}
	return all
}
