package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// run lets a Helm action work, which takes no context. When ctx ends, the
// action has the grace period to finish, so that the release is not left
// half-done (none if the lock was lost); after that its requests are refused and
// its last words are lost. The error is then ctx's.
func (c *Client) run(ctx context.Context, action func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- action() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := c.opts.Grace
	if fault.ClassOf(context.Cause(ctx)) == fault.Locked {
		grace = 0 // another run has taken the release over
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done: //nolint:errcheck // the caller gave up: the next run looks for itself
	case <-timer.C:
		c.gate.Close()
	}
	return context.Cause(ctx)
}

// helmRun is the one place where Helm installs and upgrades. Wait and Atomic
// stay off, see the package comment. The values were validated by prepare and
// the objects are by preflight, so Helm's own checks are off: the first may use
// the network, the second downloads the API's schema and finds nothing.
func (c *Client) helmRun(s survey, dryRun bool) (*release.Release, error) {
	chart, err := s.prepared.Chart()
	if err != nil {
		return nil, err
	}
	values := s.prepared.Values()
	dryRunOption := "none"
	if dryRun {
		dryRunOption = "server"
	}
	if s.decision.op == opInstall {
		return c.install(s, dryRunOption).Run(chart, values)
	}
	return c.upgrade(s, dryRunOption).Run(c.name, chart, values)
}

func (c *Client) install(s survey, dryRunOption string) *action.Install {
	install := action.NewInstall(c.helm)
	install.ReleaseName, install.Namespace = c.name, c.namespace
	install.DryRunOption = dryRunOption
	install.Replace = true // a history that ends in "uninstalled"
	install.Timeout = c.opts.HookTimeout
	install.Labels = recordLabels(s.desired, s.fingerprint)
	install.Description = s.decision.cause
	install.SkipSchemaValidation = true
	install.DisableOpenAPIValidation = true
	return install
}

func (c *Client) upgrade(s survey, dryRunOption string) *action.Upgrade {
	upgrade := action.NewUpgrade(c.helm)
	upgrade.Namespace = c.namespace
	upgrade.DryRunOption = dryRunOption
	upgrade.Timeout = c.opts.HookTimeout
	upgrade.Labels = upgradeLabels(recordLabels(s.desired, s.fingerprint))
	upgrade.Description = s.decision.cause
	upgrade.SkipSchemaValidation = true
	upgrade.DisableOpenAPIValidation = true
	upgrade.ResetValues = true // an empty config would else mean the last one
	return upgrade
}

// withCauses adds what Helm's uninstall only logs: its error is "failed to
// delete release" and no more.
func (c *Client) withCauses(err error, rel *release.Release) error {
	for _, line := range c.log.Drain() {
		if cause, ok := strings.CutPrefix(line, "uninstall: Failed to "); ok {
			err = fmt.Errorf("%w: failed to %s", err, cause)
		}
	}
	return chart.NewRedactor(chart.Manifests(rel)...).Err(err)
}
