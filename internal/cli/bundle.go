package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
	"tkdeploy.dev/tkdeploy/internal/supportbundle"
)

// bundleRecorder records a run for its support bundle. A nil *bundleRecorder does
// nothing.
type bundleRecorder struct {
	session     *deploy.Session
	dir         string
	limits      bundleLimits
	stopped     atomic.Pointer[time.Time] // when a signal canceled the run
	stopWatcher func() bool

	mu       sync.Mutex // events arrive during the collection
	events   bytes.Buffer
	lines    *report.JSON // writes to events
	timeline supportbundle.Timeline

	bundle *supportbundle.Bundle // nil until the run has failed
	report supportbundle.Report
}

// bundleLimits bound the time of a collection and, as grace, of collectors that
// ignore their context.
type bundleLimits struct{ whole, grace, stopped, stoppedGrace time.Duration }

// A failed run collects for at most 28 s, or 5 s after a signal: a canceled run
// must end within 10 s.
var defaultBundleLimits = bundleLimits{25 * time.Second, 3 * time.Second, 4 * time.Second, time.Second}

var _ deploy.Recorder = (*bundleRecorder)(nil)

// recordBundle returns nil if no bundle is configured.
func (i *invocation) recordBundle(ctx context.Context) *bundleRecorder {
	if i.bundleDir == "" {
		return nil
	}
	b := &bundleRecorder{session: i.session, dir: i.bundleDir, limits: defaultBundleLimits}
	b.lines = report.NewJSON(&b.events)
	b.stopWatcher = context.AfterFunc(ctx, func() {
		now := time.Now()
		b.stopped.Store(&now)
	})
	return b
}

// Report records an event.
func (b *bundleRecorder) Report(e event.Event) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines.Report(e)
	b.timeline.Report(e)
}

// Collect collects the bundle and reports its own errors as warnings. A run that
// stops for the lock of another run needs no bundle.
func (b *bundleRecorder) Collect(ctx context.Context, failure error, runner *plan.Runner) {
	if b == nil || classOf(failure) == fault.Locked || fault.ClassOf(context.Cause(ctx)) == fault.Locked {
		return
	}
	now, w := time.Now(), b.session.Workspace
	var err error
	if b.bundle, err = supportbundle.Open(b.dir, w.Command.Name, now, supportbundle.Limits{}); err != nil {
		warn(runner, err)
		return
	}
	b.report = supportbundle.Report{Command: w.Command.Line(), Target: target(w), Versions: versionLine(doctor.ReadVersions(w)), CollectedAt: now}
	warn(runner, b.write(ctx, failure)) // in case the process is killed during the collection
	within, grace, cancel := b.timeLeft(ctx, now)
	defer cancel()
	b.session.Invalidate(deploy.ClusterState) // the state after the failure
	b.bundle.Collect(within, grace, b.collectors(within)...)
	warn(runner, b.write(ctx, failure))
}

func warn(runner *plan.Runner, err error) {
	if err != nil {
		runner.Emit(event.Warn(err.Error()))
	}
}

// timeLeft returns a context that outlives a canceled run for a short time.
func (b *bundleRecorder) timeLeft(ctx context.Context, now time.Time) (context.Context, time.Duration, context.CancelFunc) {
	end, grace := now.Add(b.limits.whole), b.limits.grace
	stopped := b.stopped.Load()
	if stopped == nil && ctx.Err() != nil {
		stopped = &now
	}
	if stopped != nil {
		end, grace = stopped.Add(b.limits.stopped), b.limits.stoppedGrace
	}
	within, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	if stopped != nil {
		return within, grace, cancel
	}
	stop := context.AfterFunc(ctx, cancel) // for a signal during the collection
	return within, grace, func() { stop(); cancel() }
}

func (b *bundleRecorder) write(ctx context.Context, failure error) error {
	b.mu.Lock()
	b.report.Timeline = b.timeline
	b.report.Timeline.Stages = slices.Clone(b.timeline.Stages)
	b.mu.Unlock()
	b.report.Failure, b.report.ExitCode = explainFailures(failure), exitCode(ctx, failure)
	return errors.Join(
		b.bundle.JSON("plan.json", "the stages and their outcomes", b.report.Timeline.Stages),
		b.writeEvents(),
		b.bundle.Index(b.report))
}

func (b *bundleRecorder) writeEvents() error {
	b.mu.Lock()
	text := b.events.String()
	b.mu.Unlock()
	return b.bundle.JSONDocuments("events.jsonl", "the events, as printed by --output json", text)
}

// Finish adds the outcome of the run to the index and returns the bundle's
// directory.
func (b *bundleRecorder) Finish(ctx context.Context, failure error, rolledBack bool, runner *plan.Runner) string {
	if b == nil {
		return ""
	}
	b.stopWatcher()
	if b.bundle == nil {
		return ""
	}
	b.report.EndedAt, b.report.RolledBack = time.Now(), rolledBack
	warn(runner, b.write(ctx, failure))
	return b.bundle.Path()
}

// close adds the last event.
func (b *bundleRecorder) close() error {
	if b == nil || b.bundle == nil {
		return nil
	}
	return b.writeEvents()
}

func target(w *deploy.Workspace) string {
	return fmt.Sprintf("environment %s, cluster %s, release %s in namespace %s", w.EnvName, w.Cluster.Name, w.Config.Chart.Release, w.Config.Chart.Namespace)
}

func versionLine(v doctor.Versions) string {
	line := v.String() + ", " + v.Build.Go + ", " + v.Build.Platform
	if v.Build.Commit != "" {
		line += ", commit " + v.Build.Commit
	}
	return line
}
