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
	err := chart.Check(desired)
	if len(c.Error) > 0 {
		c.wantError(t, err)
		return
	}
	if err != nil {
		t.Fatalf("got %v, want no error", err)
	}
	rendered, err := chart.Render(desired)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Objects, append(names(rendered.Objects), names(rendered.Hooks)...)); diff != "" {
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

func names(objects []unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		all = append(all, chart.ObjectName(o))
	}
	return slices.Clip(all)
}
