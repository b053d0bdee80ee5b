package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func rollbackCommand(streams Streams) command {
	return command{
		name:    "rollback",
		args:    "[REVISION]",
		summary: "Roll back to an earlier revision and verify it",
		details: "Without REVISION, rollback selects the newest verified revision before the deployed one and names those\n" +
			"it skips. It writes nothing if the API server would reject the change, for example of an immutable field,\n" +
			"or if it would delete a custom resource definition. Afterwards it waits for the workloads and runs the\n" +
			"smoke test, as up does. The rollback itself is a new revision.",
		examples: []example{
			{"tkdeploy rollback", "roll back to the newest verified revision"},
			{"tkdeploy rollback --dry-run", "print the target and whether a rollback is possible"},
			{"tkdeploy rollback --env ci --to 3", "roll back to revision 3 of tkdeploy history"},
		},
		flags: clusterRunFlags(
			&cli.IntFlag{Name: "to", Usage: "Roll back to `REVISION`, even if it is not verified"},
			dryRunFlag(),
			&cli.BoolFlag{Name: "no-verify", Usage: "Skip the smoke test; the new revision is then not verified"},
		),
		run: func(c *cli.Context) error {
			o, err := newRollbackOptions(c)
			if err != nil {
				return err
			}
			return o.rollback(c.Context, streams)
		},
	}
}

type rollbackOptions struct {
	run    runOptions
	stages deploy.Options
}

func newRollbackOptions(c *cli.Context) (rollbackOptions, error) {
	revision, err := targetRevision(c)
	if err != nil {
		return rollbackOptions{}, err
	}
	run, err := newRunOptions(c)
	return rollbackOptions{
		run:    run,
		stages: deploy.Options{Timeout: c.Duration(timeoutFlag), Verify: !c.Bool("no-verify"), Revision: revision},
	}, err
}

func (o rollbackOptions) rollback(ctx context.Context, streams Streams) error {
	i, err := o.run.open(streams)
	if err != nil {
		return err
	}
	p, err := i.session.NewRun(o.stages).RollbackPlan()
	if err != nil {
		return err
	}
	if o.run.dryRun {
		return i.dryRun(ctx, p)
	}
	return i.run(ctx, p, nil, i.session.NewLocks())
}

// targetRevision returns the revision from --to or the argument, or 0.
func targetRevision(c *cli.Context) (int, error) {
	revision := c.Int("to")
	if c.NArg() > 1 || c.NArg() == 1 && c.IsSet("to") {
		return 0, usageError(c, fmt.Errorf("rollback accepts one revision, after all flags, got %q", c.Args().Slice()), true)
	}
	if c.NArg() == 1 {
		var err error
		if revision, err = strconv.Atoi(c.Args().First()); err != nil {
			return 0, usageError(c, fmt.Errorf("invalid revision %q: must be a number", c.Args().First()), true)
		}
	}
	if revision < 1 && (c.NArg() == 1 || c.IsSet("to")) {
		return 0, fault.New(fault.Usage, fmt.Errorf("invalid revision %d: must be at least 1", revision), `run "tkdeploy history" to list the revisions`)
	}
	return revision, nil
}
