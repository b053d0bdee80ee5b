package release

import (
	"context"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/crds"
)

func (c *Client) checkRollback(ctx context.Context, t target) error {
	lost, err := lostCRDs(t.newest.Manifest, t.release.Manifest)
	if err != nil {
		return rollbackError(fmt.Errorf("read the manifests of %s: %w", c, err))
	}
	if len(lost) > 0 {
		return fault.New(fault.Rollback,
			fmt.Errorf("roll back release %s to revision %d: this would delete %s and all objects of its kind",
				c, t.release.Version, strings.Join(lost, ", ")),
			"to keep it, annotate it with "+kube.ResourcePolicyAnno+": "+kube.KeepPolicy+` in the chart and run "tkdeploy up" first (nothing was changed)`)
	}
	err = c.drift.PreflightRollback(ctx, t.newest, t.release)
	if err == nil {
		err = c.drift.PreflightHooks(ctx, t.release, release.HookPreRollback, release.HookPostRollback)
	}
	err = chart.NewRedactor(chart.Manifests(t.newest, t.release)...).Err(err)
	if err := rollbackError(err); fault.ClassOf(err) != fault.Rollback {
		return err
	}
	return fault.New(fault.Rollback, fmt.Errorf("roll back to revision %d: %w", t.release.Version, err),
		`choose another revision (run "tkdeploy history"), or delete objects whose immutable fields changed (no object was changed)`)
}

func lostCRDs(from, to string) ([]string, error) {
	before, err := chart.Objects(from)
	if err != nil {
		return nil, err
	}
	after, err := chart.Objects(to)
	if err != nil {
		return nil, err
	}
	var lost []string
	for _, o := range crds.Removed(before, after) {
		lost = append(lost, chart.ObjectName(o))
	}
	return lost, nil
}
