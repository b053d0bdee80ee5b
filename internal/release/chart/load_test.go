package chart

import (
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestPrepare_unreadable(t *testing.T) {
	chart := releasetest.CopyChart(t, "testdata/chart")
	prepare := func(d Desired) func() error {
		return func() error {
			_, err := Prepare(d)
			if fault.ClassOf(err) != fault.Config {
				t.Errorf("got class %s, want %s", fault.ClassOf(err), fault.Config)
			}
			return err
		}
	}
	values := filepath.Join(t.TempDir(), "values-dev.yaml")
	filestest.CheckRefused(t, values, prepare(Desired{Chart: chart, ValuesFiles: []string{values}}))
	filestest.CheckRefused(t, filepath.Join(chart, ".helmignore"), prepare(Desired{Chart: chart}))
	filestest.CheckRefused(t, filepath.Join(chart, "values.yaml"), prepare(Desired{Chart: chart}))
}
