package crds

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// WithHint adds a hint to Helm's error about a kind that the API server does not know,
// if the chart's own templates define the kind. Helm needs all kinds before it applies
// the first object.
func WithHint(err error, d chart.Desired) error {
	if !strings.Contains(err.Error(), "no matches for kind") {
		return err
	}
	rendered, renderErr := chart.Render(d)
	if renderErr != nil {
		return err
	}
	used := map[schema.GroupKind]bool{}
	for _, o := range rendered.Objects {
		used[o.GroupVersionKind().GroupKind()] = true
	}
	for _, o := range rendered.Objects {
		if kind, _ := Defines(o); Is(o) && used[kind] {
			return fault.New(fault.Apply, err, fmt.Sprintf(
				"move %s from templates/ to the chart's folder crds/: definitions there are applied before the resources of their kind (nothing was changed)", name(o)))
		}
	}
	return fault.New(fault.Apply, err, "install the operator that defines this kind first, or add its definition to the chart's folder crds/ (nothing was changed)")
}
