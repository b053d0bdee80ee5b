package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// healHistory puts right what an interrupted run left behind and would make
// Helm refuse every further operation. It says so in a warning. The caller holds
// the lock of the release, so no other run is at work on it.
func (c *Client) healHistory(ctx context.Context, s survey, report event.Reporter) error {
	last := s.newest()
	switch s.decision.heal {
	case healRelease:
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; marking it as failed and applying again", c, s.decision.cause)))
		return c.markFailed(ctx, last)
	case healUninstall:
		report.Report(event.Warn(fmt.Sprintf("release %s: %s; finishing the uninstall and installing again", c, s.decision.cause)))
		return c.finishUninstall(ctx, s.history, last)
	}
	return nil
}

func (c *Client) markFailed(ctx context.Context, rel *release.Release) error {
	stale := rel.Info.Status
	rel.SetStatus(release.StatusFailed, fmt.Sprintf("released from stale '%s'", stale))
	if err := c.update(ctx, rel); err != nil {
		return fmt.Errorf("release revision %d of %s from stale '%s': %w", rel.Version, c, stale, err)
	}
	return nil
}

// finishUninstall deletes what is left of the objects, and the history. Hooks
// are off: the interrupted run may have run them.
func (c *Client) finishUninstall(ctx context.Context, history []*release.Release, rel *release.Release) error {
	if err := c.sweep(ctx, history, rel); err != nil {
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
