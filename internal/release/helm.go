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

// run runs a Helm action. It gives the action a grace period after ctx has ended, because
// stopping it would leave the release half done. Then it blocks its requests and returns
// the error of ctx.
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
		grace = 0 // another run has taken over the release
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done: //nolint:errcheck // the next run observes the result
	case <-timer.C:
		c.gate.Close()
	}
	return context.Cause(ctx)
}

// installOrUpgrade skips Helm's own checks: package chart has validated the values
// without the network, and the dry run validates the objects.
func (c *Client) installOrUpgrade(s observedState, dryRun bool) (*release.Release, error) {
	helmChart, err := s.prepared.Chart()
	if err != nil {
		return nil, err
	}
	values := s.prepared.Values()
	dryRunOption := "none"
	if dryRun {
		dryRunOption = "server"
	}
	if s.decision.op == opInstall {
		return c.install(s, dryRunOption).Run(helmChart, values)
	}
	return c.upgrade(s, dryRunOption).Run(c.name, helmChart, values)
}

func (c *Client) install(s observedState, dryRunOption string) *action.Install {
	install := action.NewInstall(c.helm)
	install.ReleaseName, install.Namespace = c.name, c.namespace
	install.DryRunOption = dryRunOption
	install.Replace = true // for a history that ends in "uninstalled"
	install.Timeout = c.opts.HookTimeout
	install.Labels = recordLabels(s.desired, s.fingerprint)
	install.Description = s.decision.cause
	install.SkipCRDs = true // package crds has applied them
	install.SkipSchemaValidation = true
	install.DisableOpenAPIValidation = true
	return install
}

func (c *Client) upgrade(s observedState, dryRunOption string) *action.Upgrade {
	upgrade := action.NewUpgrade(c.helm)
	upgrade.Namespace = c.namespace
	upgrade.DryRunOption = dryRunOption
	upgrade.Timeout = c.opts.HookTimeout
	upgrade.Labels = upgradeLabels(recordLabels(s.desired, s.fingerprint))
	upgrade.Description = s.decision.cause
	upgrade.SkipSchemaValidation = true
	upgrade.DisableOpenAPIValidation = true
	upgrade.ResetValues = true // otherwise an empty config means the previous one
	return upgrade
}

// withCauses adds the errors that Helm's uninstall only logs.
func (c *Client) withCauses(err error, rel *release.Release) error {
	for _, line := range c.log.Drain() {
		if cause, ok := strings.CutPrefix(line, "uninstall: Failed to "); ok {
			err = fmt.Errorf("%w: failed to %s", err, cause)
		}
	}
	return chart.NewRedactor(chart.Manifests(rel)...).Err(err)
}
