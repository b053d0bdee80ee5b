package app

import (
	"context"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func downCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "down",
		Usage: "delete the environment's cluster",
		Description: "The data in the volumes is kept for the next up, with the Secrets that belong to it,\n" +
			"unless --volumes is given. Images stay in the engine. A cluster that tkdeploy did not\n" +
			"create for this environment is refused.\n\n" +
			"Examples:\n" +
			"   tkdeploy down\n" +
			"   tkdeploy down --env ci --volumes   and delete the data",
		Flags: append(runFlags(),
			&cli.BoolFlag{Name: "volumes", Usage: "delete the data in the volumes as well"},
		),
		Action: func(c *cli.Context) error { return down(c, streams) },
	}
}

func down(c *cli.Context, streams Streams) error {
	w, err := open(c)
	if err != nil {
		return err
	}
	volumes, locks := c.Bool("volumes"), w.locks()
	p, err := plan.New(plan.Stage{
		ID: stageDown, Title: "Delete cluster",
		Observe: func(ctx context.Context) (plan.Observation, error) { return w.observeDown(ctx, volumes, locks) },
		Apply: func(ctx context.Context, reporter event.Reporter) error {
			return fault.Default(fault.Down, locks.ending(func() error { return w.cluster.Delete(ctx, volumes, reporter) }))
		},
	})
	if err != nil {
		return err
	}
	return w.run(c.Context, p, locks, streams)
}

// observeDown also takes the lock of a cluster that answers. One that does not
// has nobody at work in it, and is deleted all the same.
func (w *workspace) observeDown(ctx context.Context, volumes bool, locks *locks) (plan.Observation, error) {
	status, err := w.observe(ctx)
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
		return plan.Observation{State: plan.Drifted, Reason: "cluster " + w.cluster.Name + " exists"}, nil
	case volumes && w.cluster.HasVolumes():
		return plan.Observation{State: plan.Drifted, Reason: "the volumes of cluster " + w.cluster.Name + " exist"}, nil
	}
	return plan.Observation{State: plan.Satisfied, Reason: status.Reason}, nil
}
