package app

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func (d *deployment) observeCluster(ctx context.Context) (plan.Observation, error) {
	status, err := d.observe(ctx)
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

func (d *deployment) makeCluster(ctx context.Context, reporter event.Reporter) error {
	builder, err := d.builder(ctx)
	if err != nil {
		return err
	}
	if err := d.cluster.Preflight(ctx, reporter); err != nil {
		return err
	}
	if _, err := builder.Ensure(ctx, d.nodeImage(), reporter); err != nil {
		return err
	}
	return d.cluster.Ensure(ctx, reporter)
}
