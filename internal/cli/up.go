package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func upCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "up",
		Usage: "make the environment run the checkout as it is, and check it",
		Description: "Each stage looks first and acts only where something is not as wanted:\n" +
			"engine, build, cluster, load, release, rollout, verify. An upgrade whose workloads do not come up, or\n" +
			"whose smoke test fails, is taken back to the newest verified revision; the exit status stays its own.\n\n" +
			"Examples:\n" +
			"   tkdeploy up                                 everything, environment dev\n" +
			"   tkdeploy up --env ci --output json          one event a line on standard output\n" +
			"   tkdeploy up --env ci --junit out/junit.xml  a test case for each stage and what it deals with\n" +
			"   tkdeploy up --timings --report out/up.html  where the time went: a table, and a page with a picture\n" +
			"   tkdeploy up --diagnostics out               if it fails: a folder of evidence, out/<time>-up\n" +
			"   tkdeploy up --dry-run                       what would be done, and why\n" +
			"   tkdeploy up --to load                       up to and with a stage\n" +
			"   tkdeploy up --only verify                   one stage\n" +
			"   tkdeploy up --set services.auth.replicas=3  a chart value for this run",
		Flags: append(runFlags(),
			diagnosticsFlag(), timeoutFlag(),
			&cli.StringSliceFlag{Name: "set", Usage: "set a chart `VALUE`, as helm --set does; wins over files"},
			&cli.StringSliceFlag{Name: "values", Aliases: []string{"f"}, Usage: "further values `FILE`; wins over those of tkdeploy.yaml"},
			&cli.StringSliceFlag{Name: "only", Usage: "run just this `STAGE`; may be repeated"},
			&cli.StringFlag{Name: "from", Usage: "start with this `STAGE`"},
			&cli.StringFlag{Name: "to", Usage: "end with this `STAGE`"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be done and do nothing"},
			&cli.BoolFlag{Name: "no-verify", Usage: "leave out the smoke test"},
			&cli.BoolFlag{Name: "no-rollback", Usage: "keep an upgrade that fails, for a look"},
		),
		Action: func(c *cli.Context) error { return up(c, streams) },
	}
}

func up(c *cli.Context, streams Streams) error {
	i, err := open(c)
	if err != nil {
		return err
	}
	options := deploy.Options{
		Set: c.StringSlice("set"), Timeout: c.Duration("timeout"),
		Verify: !c.Bool("no-verify"), NoRollback: c.Bool("no-rollback"),
	}
	if options.Values, err = absolute(c.StringSlice("values")); err != nil {
		return err
	}
	r := i.session.NewRun(options)
	p, err := selected(c, r)
	if err != nil {
		return err
	}
	var contexts error
	var check sync.WaitGroup
	if slices.Contains(p.IDs(), deploy.StageBuild) {
		check.Go(func() { contexts = i.session.Workspace.CheckContexts(c.Context) })
	}
	chart := r.CheckChart()
	check.Wait()
	if err := cmp.Or(chart, contexts); err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return dryRun(c.Context, p, streams)
	}
	if err := i.run(c.Context, p, r.PlanRecovery, i.session.NewLocks(), streams); err != nil || i.json {
		return err
	}
	return printAddresses(c.Context, i.session, streams)
}

// selected is the part of the plan that the flags ask for.
func selected(c *cli.Context, r *deploy.Run) (plan.Plan, error) {
	p, err := r.UpPlan()
	if err != nil {
		return p, err
	}
	p, err = p.Select(plan.Selection{Only: c.StringSlice("only"), From: c.String("from"), To: c.String("to")})
	return p, fault.New(fault.Usage, err, "see: tkdeploy up --help")
}

func dryRun(ctx context.Context, p plan.Plan, streams Streams) error {
	decisions, err := plan.DryRun(ctx, p)
	for _, decision := range decisions {
		if _, writeErr := fmt.Fprintln(streams.Out, decision); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	return err
}

// absolute makes paths of the command line independent of tkdeploy.yaml's folder.
func absolute(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", p, err)
		}
		out = append(out, abs)
	}
	return out, nil
}

// printAddresses ends an up that has seen the app run with what a person wants to
// know next.
func printAddresses(ctx context.Context, s *deploy.Session, streams Streams) error {
	services, err := s.DeployedServices(ctx)
	if err != nil {
		return err
	}
	t := text.NewTable(streams.Out)
	for _, service := range services {
		if service.Address != "" {
			t.Row(service.Name, service.Address)
		}
	}
	return t.Flush()
}
