package release

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/crds"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
)

// Apply brings the release into the desired state and returns the newest revision. It
// creates the namespace, repairs what an interrupted run left, applies the change as a
// dry run, and then installs or upgrades. It does not wait for the workloads. It writes
// nothing if the release is up to date.
//
// The caller must hold the lock of the release. If ctx ends, a running Helm operation has
// Options.Grace to finish, because Helm cannot be canceled.
//
// Errors have class Apply, Config if the chart or the values are wrong, or Inconclusive
// if the API server did not respond. They contain no Secret.
func (c *Client) Apply(ctx context.Context, d chart.Desired, report event.Reporter) (revision int, err error) {
	start := c.opts.Now()
	c.writes.Store(0)
	d = c.desired(d)
	p, err := chart.Prepare(d)
	if err != nil {
		return 0, err
	}
	created, err := c.ensureNamespace(ctx, report)
	if err != nil {
		return 0, applyError(err)
	}
	s, err := c.observeState(ctx, d, p)
	if err != nil {
		return 0, applyError(err)
	}
	if s.decision.op == opNothing {
		report.Report(event.Finished(c.name, event.Unchanged, fmt.Sprintf("revision %d", s.newest().Version), c.since(start), 0))
		return s.newest().Version, nil
	}
	report.Report(event.Progress(c.name, fmt.Sprintf("%s: %s", s.decision.op, s.decision.cause)))
	revision, err = c.execute(ctx, s, report)
	mutations := int(c.writes.Load()) + count(created) + count(revision > 0) + count(s.decision.repair != repairNone)
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		return revision, applyError(err)
	}
	report.Report(event.Finished(c.name, event.Done, fmt.Sprintf("revision %d", revision), c.since(start), mutations))
	return revision, nil
}

func (c *Client) execute(ctx context.Context, s observedState, report event.Reporter) (int, error) {
	if err := c.repairHistory(ctx, s, report); err != nil {
		return 0, err
	}
	if err := c.crds.Apply(ctx, s.definitions, report); err != nil {
		return 0, err
	}
	c.crds.WarnKept(s.newest(), s.prepared, report)
	before := s.inCluster()
	preview, err := c.preview(ctx, s)
	if err != nil {
		return 0, err
	}
	redact := chart.NewRedactor(chart.Manifests(before, preview)...)
	if err := c.drift.Preflight(ctx, before, preview); err != nil {
		return 0, redact.Err(err)
	}
	if err := c.crds.Guard(ctx, before, preview, s.prepared); err != nil {
		return 0, err
	}
	if err := c.drift.PreflightHooks(ctx, preview, s.decision.hookEvents()...); err != nil {
		return 0, redact.Err(err)
	}
	if err := c.cleanHooks(ctx, report, s.history, preview, s.decision.hookEvents()...); err != nil {
		return 0, redact.Err(err)
	}
	rel, err := c.deploy(ctx, s, report)
	if rel == nil {
		return 0, redact.Err(err)
	}
	if err == nil {
		redact := chart.NewRedactor(chart.Manifests(append(slices.Clone(s.history), rel)...)...)
		err = redact.Err(c.finish(ctx, rel.Version, s.history))
	}
	if s.decision.op == opUpgrade {
		c.trimHistory(ctx, s.history, maxHistory(s.desired), report)
	}
	return rel.Version, err
}

func (c *Client) deploy(ctx context.Context, s observedState, report event.Reporter) (*release.Release, error) {
	op := c.actions.Begin(ctx, helmkube.Action(s.decision.op), report, chart.Manifests(s.history...)...)
	defer op.End()
	op.Undo(partlyApplied(s.history)...)
	var rel *release.Release
	err := c.run(ctx, func() (err error) {
		rel, err = c.installOrUpgrade(s, false)
		return err
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // Helm may still be running and owns rel
	}
	if err != nil {
		err = fmt.Errorf("%s release %s: %w", s.decision.op, c, op.Err(err))
	}
	if err != nil && rel != nil {
		return rel, c.recordExtent(ctx, s.history, rel, op.Extent(), err)
	}
	return rel, err
}

// preview returns what Helm would apply.
func (c *Client) preview(ctx context.Context, s observedState) (*release.Release, error) {
	var rel *release.Release
	err := c.run(ctx, func() (err error) {
		rel, err = c.installOrUpgrade(s, true)
		return err
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		err = chart.NewRedactor(chart.Manifests(s.inCluster(), rel)...).Err(err)
		return nil, crds.WithHint(fmt.Errorf("render release %s: %w", c, err), s.desired)
	}
	return rel, nil
}
