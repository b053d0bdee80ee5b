package releasetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WriteFiles writes files into a temporary directory and returns its path.
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

// CopyChart returns the path of a copy of the chart.
func CopyChart(t *testing.T, chart string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "chart")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ChangeChart returns the path of a copy with old replaced in a template.
func ChangeChart(t *testing.T, chart, template, old, replacement string) string {
	t.Helper()
	dir := CopyChart(t, chart)
	path := filepath.Join(dir, "templates", template)
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("replace %q in %s: not found (%v)", old, path, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
