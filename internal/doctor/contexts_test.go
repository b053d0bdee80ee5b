package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestFix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": "FROM scratch\nCOPY . .\n", "tkdeploy.yaml": "x", "chart/Chart.yaml": "x", ".git/HEAD": "x"})
	w := &deploy.Workspace{Config: &config.Config{
		Dir: dir, Name: "shop", Chart: config.Chart{Path: "chart"},
		Images: map[string]config.Image{"web": {Repository: "web", Build: &config.Build{Context: "."}}},
		Verify: config.Verify{Image: config.Source{Ref: "probe:1"}},
	}}
	before := checkContexts(t.Context(), w)
	if len(before) != 1 || before[0].Status != Warn || before[0].Message != "each change of .git, tkdeploy.yaml, chart rebuilds web" {
		t.Errorf("got %+v, want a warning", before)
	}
	file := filepath.Join(dir, ".dockerignore")
	did, err := Fix(t.Context(), w)
	if want := []string{"wrote " + file + ": .git tkdeploy.yaml chart"}; err != nil || !slices.Equal(did, want) {
		t.Errorf("got %q, %v, want %q", did, err, want)
	}
	if text, err := os.ReadFile(file); string(text) != ".git\ntkdeploy.yaml\nchart\n" {
		t.Errorf("got %q, %v, want a line for each", text, err)
	}
	if after := checkContexts(t.Context(), w); len(after) != 1 || after[0].Status != OK {
		t.Errorf("got %+v after the fix, want ok", after)
	}
	if did, err := Fix(t.Context(), w); did != nil || err != nil {
		t.Errorf("second fix: got %q, %v, want nothing", did, err)
	}
}
