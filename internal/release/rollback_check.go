package release

import (
	"context"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// tryRollback finds out before any write whether the rollback can be done.
func (c *Client) tryRollback(ctx context.Context, t target) error {
	lost, err := lostDefinitions(t.newest.Manifest, t.release.Manifest)
	if err != nil {
		return rollbackFailed(fmt.Errorf("read the manifests of %s: %w", c, err))
	}
	if len(lost) > 0 {
		return fault.New(fault.Rollback,
			fmt.Errorf("roll back release %s to revision %d: it would delete %s, and with it every object of its kind",
				c, t.release.Version, strings.Join(lost, ", ")),
			"nothing was changed; to go back and keep them, first annotate them "+kube.ResourcePolicyAnno+": "+kube.KeepPolicy+" in the chart and run tkdeploy up")
	}
	err = chart.NewRedactor(chart.Manifests(t.newest, t.release)...).Err(c.drift.Preflight(ctx, t.newest, t.release))
	if err := rollbackFailed(err); fault.ClassOf(err) != fault.Rollback {
		return err
	}
	return fault.New(fault.Rollback, fmt.Errorf("roll back to revision %d: %w", t.release.Version, err),
		"no object was changed. A field that cannot be changed needs its object deleted first; tkdeploy history shows where else to go")
}

// lostDefinitions are the custom resource definitions that a change from one
// manifest to the other would delete.
func lostDefinitions(from, to string) ([]string, error) {
	before, err := chart.Objects(from)
	if err != nil {
		return nil, err
	}
	after, err := chart.Objects(to)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, o := range after {
		kept[o.GetKind()+"/"+o.GetName()] = true
	}
	var lost []string
	for _, o := range before {
		if isDefinition(o) && !kept[o.GetKind()+"/"+o.GetName()] && o.GetAnnotations()[kube.ResourcePolicyAnno] != kube.KeepPolicy {
			lost = append(lost, chart.ObjectName(o))
		}
	}
	return lost, nil
}

func isDefinition(o unstructured.Unstructured) bool {
	return o.GetKind() == "CustomResourceDefinition" && o.GroupVersionKind().Group == "apiextensions.k8s.io"
}
