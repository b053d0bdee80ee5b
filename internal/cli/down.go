package cli

import (
	"context"

	"github.com/urfave/cli/v2"
)

func downCommand(streams Streams) command {
	return command{
		name:    "down",
		summary: "Delete the environment's cluster",
		details: "The data of the volumes and the Secrets that belong to it are kept for the next up, unless --volumes is\n" +
			"set. Images remain in the engine. down deletes only a cluster that tkdeploy created for this environment.",
		examples: []example{
			{"tkdeploy down", ""},
			{"tkdeploy down --env ci --volumes", "delete the data as well"},
		},
		flags: append(runFlags(), &cli.BoolFlag{Name: "volumes", Usage: "Delete the data of the volumes as well"}),
		run: func(c *cli.Context) error {
			run, err := newRunOptions(c)
			if err != nil {
				return err
			}
			return downOptions{run: run, volumes: c.Bool("volumes")}.down(c.Context, streams)
		},
	}
}

type downOptions struct {
	run     runOptions
	volumes bool
}

func (o downOptions) down(ctx context.Context, streams Streams) error {
	i, err := o.run.open(streams)
	if err != nil {
		return err
	}
	locks := i.session.NewLocks()
	p, err := i.session.DownPlan(o.volumes, locks)
	if err != nil {
		return err
	}
	return i.run(ctx, p, nil, locks)
}
