package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cluster"
)

func downCommand(streams Streams) command {
	return command{
		name:    "down",
		summary: "Delete the environment's cluster",
		details: "The data of the volumes and the Secrets that belong to it are kept for the next up, unless --volumes is\n" +
			"set. down saves these Secrets, and fails if it cannot. Then it ends the pods, and waits up to a minute for\n" +
			"those with volumes. Images remain in the engine. down deletes only a cluster that tkdeploy created for this\n" +
			"environment.",
		examples: []example{
			{"tkdeploy down", ""},
			{"tkdeploy down --env ci --volumes", "delete the data as well"},
			{"tkdeploy down --force", "delete a broken cluster"},
		},
		flags: append(runFlags(),
			&cli.BoolFlag{Name: "volumes", Usage: "Delete the data of the volumes as well"},
			&cli.BoolFlag{Name: "force", Usage: "Kill the pods, and delete the cluster even if Secrets cannot be saved"}),
		run: func(c *cli.Context) error {
			run, err := newRunOptions(c)
			if err != nil {
				return err
			}
			o := downOptions{run: run, keep: cluster.KeepData}
			switch {
			case c.Bool("volumes"):
				o.keep = cluster.KeepNone
			case c.Bool("force"):
				o.keep = cluster.KeepForce
			}
			return o.down(c.Context, streams)
		},
	}
}

type downOptions struct {
	run  runOptions
	keep cluster.Keep
}

func (o downOptions) down(ctx context.Context, streams Streams) error {
	i, err := o.run.open(streams)
	if err != nil {
		return err
	}
	locks := i.session.NewLocks()
	p, err := i.session.DownPlan(o.keep, locks)
	if err != nil {
		return err
	}
	return i.run(ctx, p, nil, locks)
}
