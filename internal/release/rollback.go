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
)

// A Rollback is a way back from the newest revision to an earlier one.
type Rollback struct {
	From, To Revision
	Skipped  []string // passed over, the newest first, each with its reason
	Done     bool     // From is deployed with the very objects of To
}

// String is "revision 1 (shop-0.1.0, verified); skipped: revision 2 (not
// verified)".
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

// FindRollback tells where a rollback would go: to the revision asked for, or
// with 0 to the newest verified one before the newest. It changes nothing.
// Errors are of class Rollback, or Undecided if the API server did not answer;
// [ErrNoTarget] is in the chain if there is nowhere to go.
func (c *Client) ResolveRollback(ctx context.Context, asked int) (Rollback, error) {
	r, _, err := c.find(ctx, asked)
	return r, err
}

// find also gives what the way was found in.
func (c *Client) find(ctx context.Context, asked int) (Rollback, target, error) {
	t, err := c.target(ctx, asked)
	if err != nil {
		return Rollback{}, t, err
	}
	r := Rollback{From: revisionOf(t.newest), To: revisionOf(t.release), Skipped: t.skipped}
	if !t.isDeployed(t.release) {
		return r, t, nil
	}
	drift, err := c.drift.Compare(ctx, t.newest)
	r.Done = len(drift) == 0
	return r, t, rollbackFailed(err)
}

// TryRollback is FindRollback, and tries what Rollback would do as a dry run.
// It is an error if a custom resource definition would be deleted, and with it
// every object of its kind, or if the API server refuses an object, above all a
// change of an immutable field. The error names the objects and fields.
func (c *Client) DryRunRollback(ctx context.Context, asked int) (Rollback, error) {
	r, t, err := c.find(ctx, asked)
	if err != nil || r.Done {
		return r, err
	}
	return r, c.tryRollback(ctx, t)
}

// Rollback puts the objects of an earlier revision back as a new revision, and
// returns that. It tries them first, as TryRollback does, and heals a release
// that an interrupted run left pending. It does not wait until the workloads
// are ready; the new revision has the fingerprint and the commit of the old one
// and is not verified yet.
//
// Rollback applies the manifest as it is stored, hooks included, and renders
// nothing: a release record holds no subcharts, and what was verified is the
// manifest. A failed one is never left pending. Lock, context and errors are as
// of [Client.Apply], with the class Rollback.
func (c *Client) Rollback(ctx context.Context, asked int, report event.Reporter) (revision int, err error) {
	start := c.opts.Now()
	c.writes.Store(0)
	r, t, err := c.find(ctx, asked)
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
	revision, healed, err := c.goBack(ctx, t, report)
	mutations := int(c.writes.Load()) + count(revision > 0) + count(healed)
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		return revision, rollbackFailed(err)
	}
	report.Report(event.Finished(c.name, event.Done, fmt.Sprintf("revision %d, as revision %d was", revision, r.To.Revision), c.since(start), mutations))
	return revision, nil
}

// goBack does what there is to do. The revision is 0 if none was written.
func (c *Client) goBack(ctx context.Context, t target, report event.Reporter) (revision int, healed bool, err error) {
	if err := c.tryRollback(ctx, t); err != nil {
		return 0, false, err
	}
	if t.newest.Info.Status.IsPending() {
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; marking it as failed", c, interrupted(t.newest))))
		if err := c.markFailed(ctx, t.newest); err != nil {
			return 0, false, err
		}
		healed = true
	}
	err = c.run(ctx, func() error { return c.rollback(t.release.Version).Run(c.name) })
	if ctx.Err() != nil {
		return 0, healed, context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("roll back release %s to revision %d: %w", c, t.release.Version, err)
		revision, err = c.settle(ctx, t, chart.NewRedactor(chart.Manifests(t.newest, t.release)...).Err(err))
		return revision, healed, err
	}
	revision = t.newest.Version + 1
	if err := c.finish(ctx, revision, t.history); err != nil {
		return revision, healed, chart.NewRedactor(chart.Manifests(t.history...)...).Err(err)
	}
	c.prune(ctx, t.history, defaultMaxHistory, report)
	return revision, healed, nil
}

func (c *Client) rollback(version int) *action.Rollback {
	rollback := action.NewRollback(c.helm)
	rollback.Version = version
	rollback.Timeout = c.opts.HookTimeout
	return rollback
}

// settle marks as failed what Helm leaves pending when a hook of the rollback
// fails or a manifest cannot be read. It gives the revision that was written,
// if one was, and the cause with whatever else went wrong.
func (c *Client) settle(ctx context.Context, t target, cause error) (revision int, err error) {
	history, err := c.releases(ctx)
	if err != nil {
		return 0, errors.Join(cause, err)
	}
	written := history[len(history)-1]
	if written.Version == t.newest.Version {
		return 0, cause
	}
	if written.Info.Status != release.StatusPendingRollback {
		return written.Version, cause
	}
	written.SetStatus(release.StatusFailed, cause.Error())
	if err := c.update(ctx, written); err != nil {
		cause = errors.Join(cause, fmt.Errorf("mark revision %d of %s as failed: %w", written.Version, c, err))
	}
	return written.Version, cause
}

// target reads the history and chooses.
func (c *Client) target(ctx context.Context, asked int) (target, error) {
	history, err := c.releases(ctx)
	if err != nil {
		return target{}, rollbackFailed(err)
	}
	t, err := chooseTarget(history, asked)
	if err != nil {
		hint := cmp.Or(fault.HintOf(err), "tkdeploy history shows the revisions; --to names one that is not verified; tkdeploy up deploys the checkout")
		return t, fault.New(fault.Rollback, fmt.Errorf("roll back release %s: %w", c, err), hint)
	}
	return t, nil
}
