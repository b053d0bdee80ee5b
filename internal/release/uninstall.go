package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
)

// Uninstall deletes the objects and the history of the release, without waiting until the
// objects are gone. It keeps objects with the resource policy keep and the volumes of
// StatefulSets. If ctx ends, it behaves like [Client.Apply]. Errors have class Down.
func (c *Client) Uninstall(ctx context.Context, report event.Reporter) error {
	start := c.opts.Now()
	c.writes.Store(0)
	releases, err := c.releases(ctx)
	if err != nil {
		return c.downError(err)
	}
	if len(releases) == 0 {
		report.Report(event.Finished(c.name, event.Unchanged, "no release", c.since(start), 0))
		return nil
	}
	newest := releases[len(releases)-1]
	if err := c.pruneObjects(ctx, releases, newest); err != nil { // Helm deletes only the objects of the newest revision
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), int(c.writes.Load())))
		return c.downError(chart.NewRedactor(chart.Manifests(releases...)...).Err(err))
	}
	uninstall := action.NewUninstall(c.helm)
	// An interrupted uninstall may have run the hooks.
	uninstall.DisableHooks = newest.Info.Status == release.StatusUninstalling
	uninstall.Timeout = c.opts.HookTimeout
	op := c.actions.Begin(ctx, helmkube.Uninstall, report, chart.Manifests(releases...)...)
	defer op.End()
	err = c.run(ctx, func() error {
		_, err := uninstall.Run(c.name)
		return err
	})
	mutations := int(c.writes.Load())
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		if ctx.Err() == nil {
			err = op.Err(err)
		}
		return c.downError(fmt.Errorf("uninstall release %s: %w", c, c.withCauses(err, newest)))
	}
	report.Report(event.Finished(c.name, event.Done, "uninstalled", c.since(start), mutations+len(releases)))
	return nil
}
