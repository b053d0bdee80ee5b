package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun_docs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := run(t.Context(), []string{"docs", dir, "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"man/tkdeploy.1": `"tkdeploy v1.2.3"`, "man/tkdeploy-up.1": `\fB\-\-dry\-run\fR`,
		"completions/tkdeploy.bash": "complete ", "completions/_tkdeploy": "#compdef tkdeploy", "completions/tkdeploy.fish": "complete -c tkdeploy",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %q (%v), want %q in it", name, text, err, want)
		}
	}
	// The packages of several platforms are equal only if the files have fixed modes.
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, infoErr := d.Info(); err != nil || infoErr != nil || !d.IsDir() && info.Mode().Perm()&0o777 != 0o644 {
			t.Errorf("%s: got mode %v (%v, %v), want 0644", path, info.Mode(), err, infoErr)
		}
		return nil
	})
}

func TestRun_usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"docs"}, {"notices", "a", "b"}, {"publish", "a"}} {
		if err := run(t.Context(), args); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: got %v, want the usage", args, err)
		}
	}
}
