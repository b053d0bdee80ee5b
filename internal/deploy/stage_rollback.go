package deploy

import (
	"context"
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/deploy/smoke"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// rollbackStages returns the stages of a rollback to a revision or, for 0, to the
// newest verified one.
func (r *Run) rollbackStages(prefix string, revision int) []plan.Stage {
	b := rollback{run: r, session: r.session, revision: revision}
	target, load, rollout := prefix+StageTarget, prefix+StageLoad, prefix+StageRollout
	stages := []plan.Stage{
		{ID: target, Title: "Target", Observe: b.observeTarget},
		{ID: load, Title: "Load", Needs: []string{target}, Observe: b.observeLoad, Apply: b.load},
		{ID: StageRollback, Title: "Rollback", Needs: []string{load}, Observe: b.observe, Apply: b.apply},
		{ID: rollout, Title: "Rollout", Needs: []string{StageRollback}, Observe: r.observeRollout, Apply: r.rollOut},
	}
	if r.options.Verify {
		verify := r.verifyStage(prefix+StageVerify, rollout)
		verify.Apply = r.verifyRolledBack
		stages = append(stages, verify)
	}
	return stages
}

// RollbackPlan returns the plan of `tkdeploy rollback`. Errors of the rollback
// itself have class Rollback.
func (r *Run) RollbackPlan() (plan.Plan, error) {
	stages := r.rollbackStages("", r.options.Revision)
	stages[0].Needs = []string{StageCluster}
	stages = append([]plan.Stage{{ID: StageCluster, Title: "Cluster", Observe: r.session.requireRunning}}, stages...)
	for i := range stages {
		observe, apply := stages[i].Observe, stages[i].Apply
		stages[i].Observe = func(ctx context.Context) (plan.Observation, error) {
			observed, err := observe(ctx)
			return observed, asRollback(err)
		}
		if apply != nil {
			stages[i].Apply = func(ctx context.Context, reporter event.Reporter) error { return asRollback(apply(ctx, reporter)) }
		}
	}
	return plan.New(stages...)
}

// asRollback sets the class Rollback, except for a timeout, an unavailable engine
// or a cluster that is not owned.
func asRollback(err error) error {
	switch fault.ClassOf(err) {
	case fault.Config, fault.Cluster, fault.Load, fault.Apply, fault.Unhealthy, fault.Smoke:
		return fault.New(fault.Rollback, err, "")
	case "":
		if !kubeerr.IsUnavailable(err) {
			return fault.New(fault.Rollback, err, "")
		}
	}
	return err
}

type rollback struct {
	run      *Run
	session  *Session
	revision int
}

func (b rollback) observeTarget(ctx context.Context) (plan.Observation, error) {
	client, err := b.session.OpenRelease(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	found, err := client.DryRunRollback(ctx, b.revision)
	return plan.Observation{State: plan.Satisfied, Reason: found.String()}, err
}

func (b rollback) observe(ctx context.Context) (plan.Observation, error) {
	client, err := b.session.OpenRelease(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	found, err := client.ResolveRollback(ctx, b.revision)
	if err != nil {
		return plan.Observation{}, err
	}
	if found.Done {
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("revision %d has the objects of revision %d", found.From.Revision, found.To.Revision)}, nil
	}
	return plan.Observation{State: plan.Drifted, Reason: fmt.Sprintf("revision %d -> %d", found.From.Revision, found.To.Revision)}, nil
}

func (b rollback) apply(ctx context.Context, reporter event.Reporter) error {
	return b.session.rollbackRelease(ctx, b.revision, b.run.hookOptions(ctx, reporter), reporter)
}

// verifyRolledBack is like verify, for a revision that another checkout may have
// written. Checks of tkdeploy.yaml that it does not pass are only warnings: they may be
// new, and the rollback has succeeded.
func (r *Run) verifyRolledBack(ctx context.Context, reporter event.Reporter) error {
	deployed, err := r.session.Release(ctx)
	if err != nil {
		return err
	}
	w, cfg := *r.session.Workspace, *r.session.Workspace.Config
	w.Config = &cfg
	checks, warnings := smoke.Fitting(cfg.Verify.Checks, deployed.Objects, cfg.Chart.Namespace)
	cfg.Verify.Checks = checks
	err = r.smokeTest(ctx, &w, deployed, reporter)
	if failed := smoke.OnlyConfigured(err, checks); failed != nil {
		warnings, err = append(warnings, "failed checks, which may be new: "+strings.Join(failed, ", ")), nil
	}
	for _, warning := range warnings {
		reporter.Report(event.Warn(fmt.Sprintf("revision %d: %s", deployed.Revision, warning)))
	}
	if err != nil {
		return err
	}
	return r.markVerified(ctx, deployed)
}
