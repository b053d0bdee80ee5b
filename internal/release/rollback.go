package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
)

// Rollback is a rollback from the newest revision to an earlier one.
type Rollback struct {
	From, To Revision
	Skipped  []string // newest first, each with the reason
	Done     bool     // From is deployed with the same objects as To
}

// String returns "revision 1 (shop-0.1.0, verified); skipped: revision 2 (not verified)".
func (r Rollback) String() string {
	verified := "not verified"
	if r.To.Verified {
		verified = "verified"
	}
	text := fmt.Sprintf("revision %d (%s, %s)", r.To.Revision, r.To.Chart, verified)
	if len(r.Skipped) > 0 {
		text += "; skipped: " + strings.Join(r.Skipped, ", ")
	}
	return text
}

// ResolveRollback returns the revision to roll back to: the given one or, for 0, the
// newest verified revision before the latest. Errors have class Rollback, or Inconclusive
// if the API server did not respond. Without a candidate, the error wraps [ErrNoTarget].
func (c *Client) ResolveRollback(ctx context.Context, revision int) (Rollback, error) {
	r, _, err := c.resolve(ctx, revision)
	return r, err
}

func (c *Client) resolve(ctx context.Context, revision int) (Rollback, target, error) {
	t, err := c.target(ctx, revision)
	if err != nil {
		return Rollback{}, t, err
	}
	r := Rollback{From: revisionOf(t.newest), To: revisionOf(t.release), Skipped: t.skipped}
	if !t.isDeployed(t.release) {
		return r, t, nil
	}
	drift, err := c.drift.Compare(ctx, t.newest)
	r.Done = len(drift) == 0
	return r, t, rollbackError(err)
}

// DryRunRollback resolves a rollback and applies it as a dry run. It fails if the API
// server rejects an object, or if a custom resource definition would be deleted.
func (c *Client) DryRunRollback(ctx context.Context, revision int) (Rollback, error) {
	r, t, err := c.resolve(ctx, revision)
	if err != nil || r.Done {
		return r, err
	}
	return r, c.checkRollback(ctx, t)
}

// Rollback restores the objects of an earlier revision as a new, unverified revision with
// the same fingerprint and commit, after the checks of [Client.DryRunRollback]. It
// repairs a release that an interrupted run left pending, and does not wait for the
// workloads.
//
// Rollback applies the stored manifest and hooks and renders nothing: a release record
// contains no subcharts, and the stored manifest is what was verified. Lock, context and
// errors are those of [Client.Apply], with the class Rollback.
func (c *Client) Rollback(ctx context.Context, revision int, report event.Reporter) (written int, err error) {
	start := c.opts.Now()
	c.writes.Store(0)
	r, t, err := c.resolve(ctx, revision)
	if err != nil {
		return 0, err
	}
	if r.Done {
		report.Report(event.Finished(c.name, event.Unchanged, fmt.Sprintf("revision %d", r.From.Revision), c.since(start), 0))
		return r.From.Revision, nil
	}
	if !r.To.Verified {
		report.Report(event.Warn(fmt.Sprintf("release %s: revision %d was never verified", c, r.To.Revision)))
	}
	report.Report(event.Progress(c.name, fmt.Sprintf("rollback from revision %d to %s", r.From.Revision, r)))
	written, repaired, err := c.rollback(ctx, t, report)
	mutations := int(c.writes.Load()) + count(written > 0) + count(repaired)
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		return written, rollbackError(err)
	}
	report.Report(event.Finished(c.name, event.Done, fmt.Sprintf("revision %d, restored from revision %d", written, r.To.Revision), c.since(start), mutations))
	return written, nil
}

func (c *Client) rollback(ctx context.Context, t target, report event.Reporter) (revision int, repaired bool, err error) {
	if err := c.checkRollback(ctx, t); err != nil {
		return 0, false, err
	}
	if t.newest.Info.Status.IsPending() {
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; marking it as failed", c, interrupted(t.newest))))
		if err := c.markFailed(ctx, t.newest); err != nil {
			return 0, false, err
		}
		repaired = true
	}
	if err := c.cleanHooks(ctx, report, t.history, t.release, release.HookPreRollback, release.HookPostRollback); err != nil {
		return 0, repaired, err
	}
	op := c.actions.Begin(ctx, helmkube.Rollback, report, chart.Manifests(t.history...)...)
	defer op.End()
	op.Undo(sinceDeployed(t.history)...)
	err = c.run(ctx, func() error { return c.rollbackAction(t.release.Version).Run(c.name) })
	if ctx.Err() != nil {
		return 0, repaired, context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("roll back release %s to revision %d: %w", c, t.release.Version, op.Err(err))
		revision, err = c.recordFailure(ctx, t, op.Extent(), chart.NewRedactor(chart.Manifests(t.newest, t.release)...).Err(err))
		return revision, repaired, err
	}
	revision = t.newest.Version + 1
	if err := c.finish(ctx, revision, t.history); err != nil {
		return revision, repaired, chart.NewRedactor(chart.Manifests(t.history...)...).Err(err)
	}
	c.trimHistory(ctx, t.history, defaultMaxHistory, report)
	return revision, repaired, nil
}

func (c *Client) rollbackAction(version int) *action.Rollback {
	rollback := action.NewRollback(c.helm)
	rollback.Version = version
	rollback.Timeout = c.opts.HookTimeout
	return rollback
}

// recordFailure marks as failed the revision that Helm leaves pending if a hook fails, and
// corrects the status of the one before, which Helm marks as superseded in any case.
func (c *Client) recordFailure(ctx context.Context, t target, extent Extent, cause error) (revision int, err error) {
	history, err := c.releases(ctx)
	if err != nil {
		return 0, errors.Join(cause, err)
	}
	written := history[len(history)-1]
	if written.Version == t.newest.Version {
		return 0, cause
	}
	if written.Info.Status == release.StatusPendingRollback {
		written.SetStatus(release.StatusFailed, cause.Error())
		if err := c.update(ctx, written); err != nil {
			cause = errors.Join(cause, fmt.Errorf("mark revision %d of %s as failed: %w", written.Version, c, err))
		}
	}
	before := history[len(history)-2]
	if extent != helmkube.All && before.Info.Status != t.newest.Info.Status {
		before.Info.Status = t.newest.Info.Status
		if err := c.update(ctx, before); err != nil {
			cause = errors.Join(cause, fmt.Errorf("mark revision %d of %s as %s: %w", before.Version, c, before.Info.Status, err))
		}
	}
	return written.Version, c.recordExtent(ctx, history, written, extent, cause)
}

func (c *Client) target(ctx context.Context, revision int) (target, error) {
	history, err := c.releases(ctx)
	if err != nil {
		return target{}, rollbackError(err)
	}
	t, err := chooseTarget(history, revision)
	if err != nil {
		hint := cmp.Or(fault.HintOf(err), `run "tkdeploy history" and choose a revision with --to, or deploy the checkout with "tkdeploy up"`)
		return t, fault.New(fault.Rollback, fmt.Errorf("roll back release %s: %w", c, err), hint)
	}
	return t, nil
}
