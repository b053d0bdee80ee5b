package deploy

import (
	"context"
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// The stages that only a rollback has.
const (
	StageTarget   = "target"
	StageRollback = "rollback"
)

// recoveryPrefix tells the stages of an automatic rollback from those of the up
// that they belong to.
const recoveryPrefix = "rollback-"

// rollbackStages go back to an earlier revision, to d.Revision or, if that is 0,
// to the newest verified one. They look first whether that can be done.
func (d *Run) rollbackStages(prefix string) []plan.Stage {
	target, load, rollout := prefix+StageTarget, prefix+StageLoad, prefix+StageRollout
	stages := []plan.Stage{
		{ID: target, Title: "Target", Observe: d.observeTarget},
		{ID: load, Title: "Load", Needs: []string{target}, Observe: d.observeOldImages, Apply: d.loadOldImages},
		{ID: StageRollback, Title: "Rollback", Needs: []string{load}, Observe: d.observeRollback, Apply: d.goBack},
		{ID: rollout, Title: "Rollout", Needs: []string{StageRollback}, Observe: d.observeRollout, Apply: d.roll},
	}
	if d.Verify {
		stages = append(stages, d.verifyStage(prefix+StageVerify, rollout))
	}
	return stages
}

// RollbackPlan is `tkdeploy rollback`. Of its failures all are a rollback's but
// those that say nothing of it.
func (d *Run) RollbackPlan() (plan.Plan, error) {
	stages := d.rollbackStages("")
	stages[0].Needs = []string{StageCluster}
	stages = append([]plan.Stage{{ID: StageCluster, Title: "Cluster", Observe: d.observeRunning}}, stages...)
	for i := range stages {
		observe, act := stages[i].Observe, stages[i].Apply
		stages[i].Observe = func(ctx context.Context) (plan.Observation, error) {
			seen, err := observe(ctx)
			return seen, asRollback(err)
		}
		if act != nil {
			stages[i].Apply = func(ctx context.Context, reporter event.Reporter) error { return asRollback(act(ctx, reporter)) }
		}
	}
	return plan.New(stages...)
}

// asRollback gives an error the class Rollback. A timeout, an engine that is
// not there or a foreign cluster stay what they are.
func asRollback(err error) error {
	switch fault.ClassOf(err) {
	case fault.Cluster, fault.Load, fault.Apply, fault.Unhealthy, fault.Smoke:
		return fault.New(fault.Rollback, err, "")
	case "":
		if !errors.Is(err, context.DeadlineExceeded) {
			return fault.New(fault.Rollback, err, "")
		}
	}
	return err
}

// observeRunning demands a cluster that answers.
func (w *Workspace) observeRunning(ctx context.Context) (plan.Observation, error) {
	status, err := w.Observe(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if status.Phase == cluster.Running {
		return plan.Observation{State: plan.Satisfied, Reason: status.Reason}, nil
	}
	class, hint := fault.Cluster, "tkdeploy up brings it up"
	if status.Phase == cluster.NotOwned {
		class, hint = fault.NotOwned, ""
	}
	return plan.Observation{}, fault.New(class, fmt.Errorf("cluster %s is %s: %s", w.Cluster.Name, status.Phase, status.Reason), hint)
}

func (d *Run) observeTarget(ctx context.Context) (plan.Observation, error) {
	client, err := d.OpenRelease()
	if err != nil {
		return plan.Observation{}, err
	}
	way, err := client.DryRunRollback(ctx, d.Revision)
	return plan.Observation{State: plan.Satisfied, Reason: way.String()}, err
}

func (d *Run) observeRollback(ctx context.Context) (plan.Observation, error) {
	client, err := d.OpenRelease()
	if err != nil {
		return plan.Observation{}, err
	}
	way, err := client.ResolveRollback(ctx, d.Revision)
	if err != nil {
		return plan.Observation{}, err
	}
	if way.Done {
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("revision %d has the objects of revision %d", way.From.Revision, way.To.Revision)}, nil
	}
	return plan.Observation{State: plan.Drifted, Reason: fmt.Sprintf("revision %d -> %d", way.From.Revision, way.To.Revision)}, nil
}

// goBack writes the new revision. The Secrets that belong to kept volumes are
// kept again after it, as after an upgrade.
func (d *Run) goBack(ctx context.Context, reporter event.Reporter) error {
	client, err := d.OpenRelease()
	if err != nil {
		return err
	}
	d.running = nil
	if _, err := client.Rollback(ctx, d.Revision, reporter); err != nil {
		return err
	}
	return d.Cluster.BackupSecrets(ctx, d.Config.Chart.Namespace)
}
