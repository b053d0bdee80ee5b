package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
	"tkdeploy.dev/tkdeploy/internal/supportbundle"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// defaultTimeout is also the default of `helm --timeout`.
const defaultTimeout = 5 * time.Minute

const (
	junitFlag       = "junit"
	htmlFlag        = "report"
	timingsFlag     = "timings"
	diagnosticsFlag = "diagnostics"
	timeoutFlag     = "timeout"
)

// runOptions are the options of the commands that run stages.
type runOptions struct {
	session     sessionOptions
	json        bool
	junit, html string // files of reports; "" writes none
	timings     bool
	bundles     bool   // the command can write support bundles
	diagnostics string // directory for them; "" is the environment's setting
	dryRun      bool
}

func runFlags() []cli.Flag {
	return append(queryFlags(),
		&cli.StringFlag{Name: junitFlag, Usage: "Write a JUnit report to `FILE`"},
		&cli.StringFlag{Name: htmlFlag, Usage: "Write an HTML report with a timeline to `FILE`"},
		&cli.BoolFlag{Name: timingsFlag, Usage: "Print the duration of each stage, its slowest items and the critical path"})
}

func clusterRunFlags(further ...cli.Flag) []cli.Flag {
	flags := append(runFlags(),
		&cli.StringFlag{Name: diagnosticsFlag, Usage: "On failure, write a support bundle to a new directory in `DIR`"},
		&cli.DurationFlag{Name: timeoutFlag, Value: defaultTimeout, Usage: "Wait up to `DURATION` for each hook, the rollout, and the smoke test"})
	return append(flags, further...)
}

func newRunOptions(c *cli.Context) (runOptions, error) {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return runOptions{}, err
	}
	o := runOptions{
		session: newSessionOptions(c), json: asJSON,
		junit: c.String(junitFlag), html: c.String(htmlFlag), timings: c.Bool(timingsFlag),
		bundles: slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), diagnosticsFlag) }), diagnostics: c.String(diagnosticsFlag),
		dryRun: c.Bool("dry-run"),
	}
	if timeout := c.Duration(timeoutFlag); c.IsSet(timeoutFlag) && timeout <= 0 {
		return o, fault.New(fault.Usage, fmt.Errorf("--%s %s is not a positive duration", timeoutFlag, timeout), "set one such as 10m, or omit it for "+text.Duration(defaultTimeout))
	}
	for _, flag := range []struct{ name, missing string }{{junitFlag, "file"}, {htmlFlag, "file"}, {timingsFlag, ""}, {diagnosticsFlag, "directory"}} {
		switch {
		case !c.IsSet(flag.name):
		case flag.missing != "" && c.String(flag.name) == "":
			return o, fault.New(fault.Usage, fmt.Errorf("--%s names no %s", flag.name, flag.missing), "")
		case o.dryRun:
			return o, fault.New(fault.Usage, fmt.Errorf("--%s cannot be combined with --dry-run, which runs nothing", flag.name), "omit one of them")
		}
	}
	if o.junit != "" && o.html != "" && filepath.Clean(o.junit) == filepath.Clean(o.html) {
		return o, fault.New(fault.Usage, fmt.Errorf("--%s and --%s name the same file", junitFlag, htmlFlag), "use two files")
	}
	return o, nil
}

// invocation is one call of a command that runs stages.
type invocation struct {
	session   *deploy.Session
	options   runOptions
	bundleDir string // directory for support bundles; "" writes none
	streams   Streams
}

// open loads the configuration. It prepares the reports first, because old ones
// must be removed even if the configuration is invalid.
func (o runOptions) open(streams Streams) (*invocation, error) {
	if o.junit != "" {
		if err := report.PrepareJUnit(o.junit); err != nil {
			return nil, err
		}
	}
	if o.html != "" {
		if err := report.PrepareHTML(o.html); err != nil {
			return nil, err
		}
	}
	session, err := o.session.open(streams)
	if err != nil {
		return nil, err
	}
	bundleDir, err := o.bundleDir(session.Workspace)
	return &invocation{session, o, bundleDir, streams}, err
}

// bundleDir returns the directory for support bundles, or "", and checks that it is
// writable.
func (o runOptions) bundleDir(w *deploy.Workspace) (string, error) {
	dir := cmp.Or(o.diagnostics, w.Config.Path(w.Env.Diagnostics))
	if !o.bundles || o.dryRun || dir == "" {
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", dir, err)
	}
	return abs, supportbundle.Check(abs)
}

// run runs the plan and renders its events. planRecovery and locks may be nil.
func (i *invocation) run(ctx context.Context, p plan.Plan, planRecovery deploy.RecoveryPlanner, locks *deploy.Locks) error {
	reporter := i.reporter()
	recorder := i.recordBundle(ctx)
	err := deploy.Execution{
		Plan: p, Locks: locks, Recovery: planRecovery, Reporter: reporter, Recorder: recorder,
		ExitCode: exitCode, WriteReports: reporter.Finish,
	}.Run(ctx)
	err = errors.Join(abridge(err, reporter.Shown), reporter.Close())
	if unwritten := recorder.close(); unwritten != nil {
		_ = i.streams.warn(unwritten.Error())
	}
	return err
}

func (i *invocation) reporter() *report.Reporter {
	w, o, streams := i.session.Workspace, i.options, i.streams
	return report.New(report.Options{
		Out: streams.Out, Err: streams.forReport(), JSON: o.json, TTY: streams.TTY, Color: streams.Color,
		Width: streams.Width, Timings: o.timings,
		JUnit: report.JUnitOptions{
			Path:    o.junit,
			Group:   "tkdeploy." + w.EnvName,
			Explain: explainFailures,
			Class: func(stage string, err error) fault.Class {
				return classOf(&plan.StageError{Stage: stage, Err: err})
			},
		},
		HTML: report.HTMLOptions{Path: o.html, Command: w.Command.String(), Explain: explainFailures},
	})
}
