package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Uninstall deletes the release's objects and history. Objects that the chart
// marks as to keep stay, and so do volumes that StatefulSets claimed. It does
// not wait until the objects are gone. A release that is not there is fine.
// When ctx ends it behaves like [Client.Apply]. Errors are of class Down and
// name what could not be deleted.
func (c *Client) Uninstall(ctx context.Context, report event.Reporter) error {
	start := c.opts.Now()
	c.writes.Store(0)
	releases, err := c.releases(ctx)
	if err != nil {
		return c.down(err)
	}
	if len(releases) == 0 {
		report.Report(event.Finished(c.name, event.Unchanged, "no release", c.since(start), 0))
		return nil
	}
	newest := releases[len(releases)-1]
	if err := c.sweep(ctx, releases, newest); err != nil { // Helm deletes the objects of the newest revision only
		return c.down(chart.NewRedactor(chart.Manifests(releases...)...).Err(err))
	}
	uninstall := action.NewUninstall(c.helm)
	// An interrupted uninstall may have run the hooks already.
	uninstall.DisableHooks = newest.Info.Status == release.StatusUninstalling
	uninstall.Timeout = c.opts.HookTimeout
	err = c.run(ctx, func() error {
		_, err := uninstall.Run(c.name)
		return err
	})
	mutations := int(c.writes.Load())
	if err != nil {
		report.Report(event.Finished(c.name, event.Failed, "", c.since(start), mutations))
		return c.down(fmt.Errorf("uninstall release %s: %w", c, c.withCauses(err, newest)))
	}
	report.Report(event.Finished(c.name, event.Done, "uninstalled", c.since(start), mutations+len(releases)))
	return nil
}

func (c *Client) down(err error) error {
	if isEnd(err) {
		return err
	}
	return fault.New(fault.Down, err, "run down again; what is left: kubectl get all,pvc,secrets -n "+c.namespace)
}
