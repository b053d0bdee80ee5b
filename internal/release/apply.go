package release

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Apply makes the release as desired and returns the revision that is then the
// newest. If it is current already, nothing is written. Otherwise the namespace
// is created or waited for, what an interrupted run left is healed, the change
// is tried as a dry run, and only then Helm installs or upgrades. Apply does
// not wait until the workloads are ready.
//
// The caller must hold the lock of the release. When ctx ends, a Helm operation
// under way gets Options.Grace to finish, for Helm cannot be cancelled; the
// error is ctx's in any case, and the next Apply looks at what was reached.
//
// Errors are of class Apply, or Config if chart or values are wrong. They name
// the object and hold no content of a Secret.
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
		return 0, failed(err)
	}
	s, err := c.survey(ctx, d, p)
	if err != nil {
		return 0, failed(err)
	}
	if s.decision.op == opNothing {
		report.Report(event.Finished(c.name, event.Unchanged, fmt.Sprintf("revision %d", s.newest().Version), c.since(start), 0))
		return s.newest().Version, nil
	}
	report.Report(event.Progress(c.name, fmt.Sprintf("%s: %s", s.decision.op, s.decision.cause)))
	revision, err = c.act(ctx, s, report)
	mutations := int(c.writes.Load()) + count(created) + count(revision > 0) + count(s.decision.heal != healNothing)
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		return revision, failed(err)
	}
	report.Report(event.Finished(c.name, event.Done, fmt.Sprintf("revision %d", revision), c.since(start), mutations))
	return revision, nil
}

// act carries a decision out. The revision is 0 if none was written.
func (c *Client) act(ctx context.Context, s survey, report event.Reporter) (int, error) {
	if err := c.healHistory(ctx, s, report); err != nil {
		return 0, err
	}
	before := s.inCluster()
	preview, err := c.preview(ctx, s)
	if err != nil {
		return 0, err
	}
	redact := chart.NewRedactor(chart.Manifests(before, preview)...)
	if err := c.drift.Preflight(ctx, before, preview); err != nil {
		return 0, redact.Err(err)
	}
	rel, err := c.operate(ctx, s)
	if err != nil {
		err = chart.NewRedactor(chart.Manifests(before, preview, rel)...).Err(err)
	}
	if rel == nil {
		return 0, err
	}
	if err == nil {
		redact := chart.NewRedactor(chart.Manifests(append(slices.Clone(s.history), rel)...)...)
		err = redact.Err(c.finish(ctx, rel.Version, s.history))
	}
	if s.decision.op == opUpgrade {
		c.prune(ctx, s.history, maxHistory(s.desired), report)
	}
	return rel.Version, err
}

// operate lets Helm install or upgrade.
func (c *Client) operate(ctx context.Context, s survey) (*release.Release, error) {
	var rel *release.Release
	err := c.run(ctx, func() (err error) {
		rel, err = c.helmRun(s, false)
		return err
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // Helm may still be at work: rel is its own
	}
	if err != nil {
		return rel, fmt.Errorf("%s release %s: %w", s.decision.op, c, err)
	}
	return rel, nil
}

// preview is what Helm would apply, rendered with access to the cluster and
// not applied. It is nil if that cannot be told beforehand: the kinds of the
// chart's own CRDs are unknown until these are installed.
func (c *Client) preview(ctx context.Context, s survey) (*release.Release, error) {
	if s.decision.op == opInstall && s.prepared.HasCRDs() {
		return nil, nil
	}
	var rel *release.Release
	err := c.run(ctx, func() (err error) {
		rel, err = c.helmRun(s, true)
		return err
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		err = chart.NewRedactor(chart.Manifests(s.inCluster(), rel)...).Err(err)
		return nil, fmt.Errorf("render release %s: %w", c, err)
	}
	return rel, nil
}
