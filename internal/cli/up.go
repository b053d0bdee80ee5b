package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func upCommand(streams Streams) command {
	return command{
		name:    "up",
		summary: "Build, deploy and verify the current checkout",
		details: "Each stage checks the current state and acts only if it differs from the desired state. The stages are\n" +
			"engine, build, cluster, load, release, rollout and verify.\n\n" +
			"If the workloads of an upgrade do not become ready, or its smoke test fails, up rolls back to the newest\n" +
			"verified revision. The exit code is that of the failure.",
		examples: []example{
			{"tkdeploy up", "deploy to environment dev"},
			{"tkdeploy up --env ci --output json", "print one event per line"},
			{"tkdeploy up --env ci --junit out/junit.xml", "write a test case for each stage and item"},
			{"tkdeploy up --timings --report out/up.html", "show where the time went, as a table and as a page"},
			{"tkdeploy up --diagnostics out", "on failure, write a support bundle to out/TIME-up"},
			{"tkdeploy up --dry-run", "print the planned actions and their reasons"},
			{"tkdeploy up --pull --no-cache", "build with the newest base images and files from the network"},
			{"tkdeploy up --to load", "stop after stage load"},
			{"tkdeploy up --only verify", "run one stage"},
			{"tkdeploy up --set services.auth.replicas=3", "set a chart value for this run"},
		},
		flags: clusterRunFlags(
			&cli.StringSliceFlag{Name: "set", Usage: "Set a chart `VALUE` in the form of helm --set; overrides files (repeatable)"},
			&cli.StringSliceFlag{Name: "values", Aliases: []string{"f"}, Usage: "Read additional values from `FILE`; overrides tkdeploy.yaml (repeatable)"},
			&cli.StringSliceFlag{Name: "only", Usage: "Run only `STAGE` (repeatable)"},
			&cli.StringFlag{Name: "from", Usage: "Start with `STAGE`"},
			&cli.StringFlag{Name: "to", Usage: "Stop after `STAGE`"},
			dryRunFlag(),
			&cli.BoolFlag{Name: "no-cache", Usage: "Build all images again, without the build cache"},
			&cli.BoolFlag{Name: "pull", Usage: "Pull the base images again before the build"},
			&cli.BoolFlag{Name: "no-verify", Usage: "Skip the smoke test"},
			&cli.BoolFlag{Name: "no-rollback", Usage: "Do not roll back a failed upgrade"},
		),
		run: func(c *cli.Context) error {
			o, err := newUpOptions(c)
			if err != nil {
				return err
			}
			return o.up(c.Context, streams)
		},
	}
}

type upOptions struct {
	run       runOptions
	noCache   bool
	pull      bool
	stages    deploy.Options
	selection plan.Selection
}

func newUpOptions(c *cli.Context) (upOptions, error) {
	run, err := newRunOptions(c)
	if err != nil {
		return upOptions{}, err
	}
	values, err := absolute(c.StringSlice("values"))
	return upOptions{
		run: run, noCache: c.Bool("no-cache"), pull: c.Bool("pull"),
		stages: deploy.Options{
			Values: values, Set: c.StringSlice("set"), Timeout: c.Duration(timeoutFlag),
			Verify: !c.Bool("no-verify"), NoRollback: c.Bool("no-rollback"), DryRun: run.dryRun,
		},
		selection: plan.Selection{Only: c.StringSlice("only"), From: c.String("from"), To: c.String("to")},
	}, err
}

func (o upOptions) up(ctx context.Context, streams Streams) error {
	i, err := o.run.open(streams)
	if err != nil {
		return err
	}
	i.session.Workspace.NoCache, i.session.Workspace.Pull = o.noCache, o.pull
	run := i.session.NewRun(o.stages)
	p, err := run.UpPlan()
	if err != nil {
		return err
	}
	if p, err = selectStages(p, o.selection); err != nil {
		return err
	}
	if err := checkSources(ctx, i.session, run, p, streams); err != nil {
		return err
	}
	if o.run.dryRun {
		return i.dryRun(ctx, p)
	}
	if err := i.run(ctx, p, run.PlanRecovery, i.session.NewLocks()); err != nil || o.run.json {
		return err
	}
	printAddresses(ctx, i.session, streams)
	return nil
}

func selectStages(p plan.Plan, selection plan.Selection) (plan.Plan, error) {
	selected, err := p.Select(selection)
	hint := `run "tkdeploy up --help" for usage`
	for _, name := range append([]string{selection.From, selection.To}, selection.Only...) {
		if name != "" && !slices.Contains(p.IDs(), name) {
			hint = strictyaml.DidYouMean(name, p.IDs(), hint)
			break
		}
	}
	return selected, fault.New(fault.Usage, err, hint)
}

// checkSources validates the chart and, if the plan builds images, their contexts. It
// prints warnings.
func checkSources(ctx context.Context, s *deploy.Session, run *deploy.Run, p plan.Plan, streams Streams) error {
	var contexts error
	var check sync.WaitGroup
	if slices.Contains(p.IDs(), deploy.StageBuild) {
		check.Go(func() { contexts = s.CheckContexts(ctx) })
	}
	warnings, chart := run.CheckChart(ctx)
	check.Wait()
	for _, warning := range warnings {
		if err := streams.warn(warning); err != nil {
			return err
		}
	}
	return cmp.Or(chart, contexts)
}

func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "Print the planned actions without running them"}
}

// plannedStage is the JSON form of a stage in a dry run. docs/events.md documents it.
type plannedStage struct {
	ID     string `json:"id"`
	Action string `json:"action"` // "keep" or "run"
	Reason string `json:"reason"`
}

// dryRun prints the planned action of each stage, up to the first that fails.
func (i *invocation) dryRun(ctx context.Context, p plan.Plan) error {
	actions, err := plan.DryRun(ctx, p)
	stages := []plannedStage{}
	for _, a := range actions {
		action := "keep"
		if a.Applies {
			action = "run"
		}
		stages = append(stages, plannedStage{a.Stage, action, a.Reason})
	}
	if i.options.json {
		return errors.Join(err, writeJSON(i.streams.Out, map[string]any{"environment": i.session.Workspace.EnvName, "stages": stages}))
	}
	t := text.NewTable(i.streams.Out)
	if len(stages) > 0 {
		t.Row("STAGE", "ACTION", "REASON")
	}
	for _, s := range stages {
		t.Row(s.ID, s.Action, s.Reason)
	}
	return errors.Join(err, t.Flush())
}

// addressesLimit bounds the read of the Services after a run.
const addressesLimit = 5 * time.Second

// printAddresses prints the addresses of the deployed Services. The run has succeeded:
// errors are only a warning.
func printAddresses(ctx context.Context, s *deploy.Session, streams Streams) {
	ctx, cancel := context.WithTimeout(ctx, addressesLimit)
	defer cancel()
	services, warnings, err := s.DeployedServices(ctx)
	t := text.NewTable(streams.Out)
	for _, service := range services {
		if service.Address != "" {
			t.Row(service.Name, service.Address)
		}
	}
	if err = errors.Join(err, t.Flush()); err != nil {
		warnings = append(warnings, fmt.Sprintf("cannot show the addresses: %v", err))
	}
	for _, warning := range warnings {
		_ = streams.warn(warning)
	}
}

// absolute makes paths absolute, because those in tkdeploy.yaml are relative to its
// directory.
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

// kindCommand is the child process of [kindrun.Kind].
func kindCommand() command {
	return command{
		name:    kindrun.Command,
		summary: "Run the request for kind in the first line of the standard input",
		hidden:  true,
		run:     func(*cli.Context) error { return kindrun.Serve(os.Stdin, os.Stdout) },
	}
}
