package cli

import (
	"github.com/urfave/cli/v2"
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
	i, err := open(c)
	if err != nil {
		return err
	}
	locks := i.session.NewLocks()
	p, err := i.session.DownPlan(c.Bool("volumes"), locks)
	if err != nil {
		return err
	}
	return i.run(c.Context, p, nil, locks, streams)
}
