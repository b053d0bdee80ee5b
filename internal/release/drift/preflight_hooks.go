package drift

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// PreflightHooks creates the hooks of rel that run at the events as a dry run: a rejected
// post-upgrade hook would leave an upgrade unfinished. It ignores hooks that exist.
func (c *Client) PreflightHooks(ctx context.Context, rel *release.Release, events ...release.HookEvent) error {
	if rel == nil {
		return nil
	}
	var refusals []string
	for _, hook := range rel.Hooks {
		if !slices.ContainsFunc(hook.Events, func(e release.HookEvent) bool { return slices.Contains(events, e) }) {
			continue
		}
		objects, err := chart.Objects(hook.Manifest)
		if err != nil {
			return fmt.Errorf("read hook %s of %s: %w", hook.Name, c, err)
		}
		for _, o := range objects {
			resource, err := c.ResourceFor(o)
			if meta.IsNoMatchError(err) {
				continue
			}
			if err != nil {
				return err
			}
			refusal, err := c.dryRunCreate(ctx, resource, o)
			if err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("dry run of hook %s: %w", chart.ObjectName(o), err)
			}
			refusals = append(refusals, refusal)
		}
	}
	return c.rejected(nonEmpty(refusals))
}
