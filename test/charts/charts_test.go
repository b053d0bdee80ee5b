package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

func TestCharts(t *testing.T) {
	all, err := All(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("got no charts")
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
}

func (c Chart) check(t *testing.T) {
	desired := chart.Desired{Name: c.Name, Namespace: c.Name, Chart: c.Dir, Set: c.Values, Images: map[string]chart.ImageRef{}}
	for _, path := range c.Images {
		desired.Images[path] = chart.ImageRef{Repository: "charts-app", Tag: "0123456789ab"}
	}
	checked, err := chart.Check(desired)
	if len(c.Error) > 0 {
		c.wantError(t, err)
		return
	}
	if err != nil {
		t.Fatalf("got %v, want no error", err)
	}
	c.wantWarnings(t, checked.Warnings)
	if len(checked.Unused) > 0 {
		t.Errorf("got unused images %q, want none", checked.Unused)
	}
	if diff := cmp.Diff(c.Objects, append(names(checked.Rendered.Objects), names(checked.Rendered.Hooks)...)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func (c Chart) wantError(t *testing.T, err error) {
	t.Helper()
	if fault.ClassOf(err) != fault.Config {
		t.Fatalf("got class %q of %v, want %q", fault.ClassOf(err), err, fault.Config)
	}
	for _, part := range c.Error {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want it to contain %q", err, part)
		}
	}
}

func (c Chart) wantWarnings(t *testing.T, warnings []string) {
	t.Helper()
	if len(warnings) != len(c.Warnings) {
		t.Errorf("got warnings %q, want %q", warnings, c.Warnings)
		return
	}
	for i, part := range c.Warnings {
		if !strings.Contains(warnings[i], part) {
			t.Errorf("got warning %q, want it to contain %q", warnings[i], part)
		}
	}
}

func names(objects []unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		all = append(all, chart.ObjectName(o))
	}
	return slices.Clip(all)
}
