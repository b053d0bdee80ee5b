package deploy

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func (d *Run) observeCluster(ctx context.Context) (plan.Observation, error) {
	status, err := d.Observe(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	d.seen = status
	states := map[cluster.Phase]plan.State{cluster.Running: plan.Satisfied, cluster.Absent: plan.Missing}
	state, ok := states[status.Phase]
	if !ok {
		state = plan.Drifted
	}
	return plan.Observation{State: state, Reason: status.Reason}, nil
}

func (d *Run) makeCluster(ctx context.Context, reporter event.Reporter) error {
	engine, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	if err := d.Cluster.Preflight(ctx, reporter); err != nil {
		return err
	}
	if _, err := engine.Ensure(ctx, d.NodeImage(), reporter); err != nil {
		return err
	}
	return d.Cluster.Ensure(ctx, reporter)
}

// DownPlan deletes the cluster, and its volumes if volumes is set.
func (w *Workspace) DownPlan(volumes bool, locks *Locks) (plan.Plan, error) {
	return plan.New(plan.Stage{
		ID: StageDown, Title: "Delete cluster",
		Observe: func(ctx context.Context) (plan.Observation, error) { return w.observeDown(ctx, volumes, locks) },
		Apply: func(ctx context.Context, reporter event.Reporter) error {
			return fault.Default(fault.Down, locks.ending(func() error { return w.Cluster.Delete(ctx, volumes, reporter) }))
		},
	})
}

// observeDown also takes the lock of a cluster that answers. One that does not
// has nobody at work in it, and is deleted all the same.
func (w *Workspace) observeDown(ctx context.Context, volumes bool, locks *Locks) (plan.Observation, error) {
	status, err := w.Observe(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if status.Phase == cluster.Running {
		if err := locks.lease(ctx); err != nil {
			return plan.Observation{}, err
		}
	}
	switch {
	case status.Phase != cluster.Absent:
		return plan.Observation{State: plan.Drifted, Reason: "cluster " + w.Cluster.Name + " exists"}, nil
	case volumes && w.Cluster.HasVolumes():
		return plan.Observation{State: plan.Drifted, Reason: "the volumes of cluster " + w.Cluster.Name + " exist"}, nil
	}
	return plan.Observation{State: plan.Satisfied, Reason: status.Reason}, nil
}
