package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/hooks"
)

// repairHistory repairs what would make Helm reject every operation after an interrupted
// run.
func (c *Client) repairHistory(ctx context.Context, s observedState, report event.Reporter) error {
	last := s.newest()
	switch s.decision.repair {
	case repairPending:
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; marking it as failed and applying again", c, s.decision.cause)))
		return c.markFailed(ctx, last)
	case repairUninstall:
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; finishing the uninstall and installing again", c, s.decision.cause)))
		return c.finishUninstall(ctx, s.history, last)
	}
	return nil
}

// cleanHooks removes what the hooks of unfinished revisions left.
func (c *Client) cleanHooks(ctx context.Context, report event.Reporter, history []*release.Release, next *release.Release, events ...release.HookEvent) error {
	cleaner := hooks.Cleaner{Drift: c.drift, Timeout: c.opts.HookTimeout}
	removed, err := cleaner.Clean(ctx, history, next, events...)
	for _, name := range removed {
		report.Report(event.Finished(name, event.Done, "removed: the hook of an unfinished run left it", 0, 1))
	}
	if err != nil {
		return fmt.Errorf("release %s: %w", c, err)
	}
	return nil
}

func (c *Client) markFailed(ctx context.Context, rel *release.Release) error {
	stale := rel.Info.Status
	rel.SetStatus(release.StatusFailed, fmt.Sprintf("marked as failed: an earlier run left it %s", stale))
	if err := c.update(ctx, rel); err != nil {
		return fmt.Errorf("mark revision %d of %s as failed: %w", rel.Version, c, err)
	}
	return nil
}

// finishUninstall disables hooks, because the interrupted run may have run them.
func (c *Client) finishUninstall(ctx context.Context, history []*release.Release, rel *release.Release) error {
	if err := c.pruneObjects(ctx, history, rel); err != nil {
		return chart.NewRedactor(chart.Manifests(history...)...).Err(err)
	}
	uninstall := action.NewUninstall(c.helm)
	uninstall.DisableHooks = true
	uninstall.Timeout = c.opts.HookTimeout
	c.log.Drain()
	err := c.run(ctx, func() error {
		_, err := uninstall.Run(c.name)
		return err
	})
	if err != nil {
		return fmt.Errorf("finish the uninstall of %s: %w", c, c.withCauses(err, rel))
	}
	return nil
}
