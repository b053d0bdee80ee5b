package cli

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func rollbackCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:      "rollback",
		Usage:     "go back to a revision that worked, and check it",
		ArgsUsage: "[REVISION]",
		Description: "Goes to the newest revision before the one that runs that came up and passed its smoke test, and\n" +
			"names those that it skips. What the API server would refuse, an immutable field above all, and what\n" +
			"would delete a custom resource definition, is refused before anything is written. Then the workloads\n" +
			"are waited for and smoke-tested, as up does. The revision that it writes is a new one.\n\n" +
			"Examples:\n" +
			"   tkdeploy rollback                  to the newest verified revision\n" +
			"   tkdeploy rollback --dry-run        where it would go, and whether it can\n" +
			"   tkdeploy rollback --env ci --to 3  to a revision of tkdeploy history",
		Flags: append(runFlags(),
			diagnosticsFlag(), timeoutFlag(),
			&cli.IntFlag{Name: "to", Usage: "go to this `REVISION`, verified or not"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be done and do nothing"},
			&cli.BoolFlag{Name: "no-verify", Usage: "leave out the smoke test; the new revision is not marked verified then"},
		),
		Action: func(c *cli.Context) error { return rollback(c, streams) },
	}
}

func rollback(c *cli.Context, streams Streams) error {
	revision, err := askedRevision(c)
	if err != nil {
		return err
	}
	i, err := open(c)
	if err != nil {
		return err
	}
	r := i.session.NewRun(deploy.Options{Timeout: c.Duration("timeout"), Verify: !c.Bool("no-verify"), Revision: revision})
	p, err := r.RollbackPlan()
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return dryRun(c.Context, p, streams)
	}
	return i.run(c.Context, p, nil, i.session.NewLocks(), streams)
}

// askedRevision is --to or the argument, or 0.
func askedRevision(c *cli.Context) (int, error) {
	revision := c.Int("to")
	if c.NArg() > 1 || c.NArg() == 1 && c.IsSet("to") {
		return 0, usageError(c, fmt.Errorf("rollback takes one revision, after all flags, but was given %q", c.Args().Slice()), true)
	}
	if c.NArg() == 1 {
		var err error
		if revision, err = strconv.Atoi(c.Args().First()); err != nil {
			return 0, usageError(c, fmt.Errorf("rollback to %q: not the number of a revision", c.Args().First()), true)
		}
	}
	if revision < 1 && (c.NArg() == 1 || c.IsSet("to")) {
		return 0, fault.New(fault.Usage, fmt.Errorf("rollback to revision %d: there is no such revision", revision), "see: tkdeploy history")
	}
	return revision, nil
}
