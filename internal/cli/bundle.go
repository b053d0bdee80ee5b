package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
	"tkdeploy.dev/tkdeploy/internal/supportbundle"
)

const diagnosticsFlagName = "diagnostics"

func diagnosticsFlag() cli.Flag {
	return &cli.StringFlag{Name: diagnosticsFlagName, Usage: "when the run fails, write a bundle of evidence to a new folder below `DIR`"}
}

// diagnosticsDir reads --diagnostics or, without it, the environment's setting,
// and makes sure that bundles can be written there. It is "" for none.
func diagnosticsDir(c *cli.Context, cfg *config.Config, env config.Environment) (string, error) {
	dir := c.String(diagnosticsFlagName)
	switch {
	case !takesDiagnostics(c.Command):
		return "", nil
	case dir == "" && c.IsSet(diagnosticsFlagName):
		return "", fault.New(fault.Usage, errors.New("--diagnostics names no folder"), "")
	case dir != "" && c.Bool("dry-run"):
		return "", fault.New(fault.Usage, errors.New("--diagnostics does not go with --dry-run: nothing is run"), "leave out one of them")
	case dir == "":
		dir = cfg.Path(env.Diagnostics)
	}
	if dir == "" || c.Bool("dry-run") {
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", dir, err)
	}
	return abs, supportbundle.Check(abs)
}

func takesDiagnostics(command *cli.Command) bool {
	return slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), diagnosticsFlagName) })
}

// evidence is what is kept of a run in case it fails. All its methods may be
// called of nil, where no bundle is wanted.
type evidence struct {
	*workspace
	times   evidenceTimes
	stopped atomic.Pointer[time.Time] // when a signal came
	forget  func() bool

	mu     sync.Mutex // events come while it is written
	events bytes.Buffer
	lines  *report.JSON // writes to events
	story  supportbundle.Timeline

	bundle *supportbundle.Bundle // nil until the run has failed
	report supportbundle.Report
}

// evidenceTimes bound how long evidence is collected, and how long a part that
// does not mind the end of its time is waited for.
type evidenceTimes struct{ whole, grace, stopped, stoppedGrace time.Duration }

// In all 28 s for a run that fails, and 5 s from a signal: it is to end within 10.
var defaultEvidenceTimes = evidenceTimes{25 * time.Second, 3 * time.Second, 4 * time.Second, time.Second}

// evidence begins to keep what a bundle needs of the run of ctx.
func (w *workspace) evidence(ctx context.Context) *evidence {
	if w.diagnostics == "" {
		return nil
	}
	e := &evidence{workspace: w, times: defaultEvidenceTimes}
	e.lines = report.NewJSON(&e.events)
	e.forget = context.AfterFunc(ctx, func() {
		now := time.Now()
		e.stopped.Store(&now)
	})
	return e
}

// Report keeps an event.
func (e *evidence) Report(ev event.Event) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines.Report(ev)
	e.story.Report(ev)
}

// Collect collects the evidence of a failure, before anything is taken back. A
// bundle that is not there or not whole is a warning. A run that another one
// kept from its work has none: nothing is wrong.
func (e *evidence) Collect(ctx context.Context, failure error, runner *plan.Runner) {
	if e == nil || failure == nil || classOf(failure) == fault.Locked || fault.ClassOf(context.Cause(ctx)) == fault.Locked {
		return
	}
	now := time.Now()
	var err error
	if e.bundle, err = supportbundle.Open(e.diagnostics, e.verb(), now, supportbundle.Limits{}); err != nil {
		warnOf(runner, err)
		return
	}
	e.report = supportbundle.Report{
		Command: strings.TrimPrefix(e.Command, "tkdeploy "), Place: e.place(), Versions: versionLine(doctor.ReadVersions(e.Workspace)), Taken: now,
	}
	warnOf(runner, e.write(ctx, failure)) // in case that the process is killed meanwhile
	within, grace, cancel := e.timeLeft(ctx, now)
	defer cancel()
	e.bundle.Collect(within, grace, e.parts(within)...)
	warnOf(runner, e.write(ctx, failure))
}

func warnOf(runner *plan.Runner, err error) {
	if err != nil {
		runner.Emit(event.Warn(err.Error()))
	}
}

// verb is the command in a word: it names the bundle's folder.
func (e *evidence) verb() string {
	return strings.Fields(e.Command)[1]
}

// timeLeft is the time to collect in. It goes on when the run was stopped, for a
// short while after the signal.
func (e *evidence) timeLeft(ctx context.Context, now time.Time) (context.Context, time.Duration, context.CancelFunc) {
	end, grace := now.Add(e.times.whole), e.times.grace
	stopped := e.stopped.Load()
	if stopped == nil && ctx.Err() != nil {
		stopped = &now
	}
	if stopped != nil {
		end, grace = stopped.Add(e.times.stopped), e.times.stoppedGrace
	}
	within, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	if stopped != nil {
		return within, grace, cancel
	}
	forget := context.AfterFunc(ctx, cancel) // a signal that comes while it collects
	return within, grace, func() { forget(); cancel() }
}

// write writes what the run itself knows.
func (e *evidence) write(ctx context.Context, failure error) error {
	e.mu.Lock()
	e.report.Story = e.story
	e.report.Story.Stages = slices.Clone(e.story.Stages)
	e.mu.Unlock()
	e.report.Failure, e.report.Exit = explainFailures(failure), statusOf(ctx, failure)
	return errors.Join(
		e.bundle.JSON("plan.json", "the stages, and how each ended", e.report.Story.Stages),
		e.writeEvents(),
		e.bundle.Index(e.report))
}

func (e *evidence) writeEvents() error {
	e.mu.Lock()
	text := e.events.String()
	e.mu.Unlock()
	return e.bundle.Text("events.jsonl", "what happened, an event a line, as of --output json", text)
}

// Finish writes the bundle's index anew with how the run ended, and gives the
// folder, or "" if there is none.
func (e *evidence) Finish(ctx context.Context, failure error, rolledBack bool, runner *plan.Runner) string {
	if e == nil {
		return ""
	}
	e.forget()
	if e.bundle == nil {
		return ""
	}
	e.report.Ended, e.report.Back = time.Now(), rolledBack
	warnOf(runner, e.write(ctx, failure))
	return e.bundle.Path()
}

// close adds the run's last event.
func (e *evidence) close() error {
	if e == nil || e.bundle == nil {
		return nil
	}
	return e.writeEvents()
}

func (e *evidence) place() string {
	return fmt.Sprintf("environment %s, cluster %s, release %s in namespace %s", e.EnvName, e.Cluster.Name, e.Config.Chart.Release, e.Config.Chart.Namespace)
}

func versionLine(v doctor.Versions) string {
	line := v.String() + ", " + v.Go + ", " + v.Platform
	if v.Commit != "" {
		line += ", commit " + v.Commit
	}
	return line
}
