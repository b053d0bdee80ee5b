package releasetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WriteFiles makes files below a new folder and gives its path.
func WriteFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// CopyChart is a copy of the test chart, to be changed.
func CopyChart(t *testing.T, chart string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "chart")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ChangeChart is a copy of the test chart with a text of a template replaced.
func ChangeChart(t *testing.T, chart, template, old, with string) string {
	t.Helper()
	dir := CopyChart(t, chart)
	path := filepath.Join(dir, "templates", template)
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
