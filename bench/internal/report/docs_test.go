package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "render the documents from docs/performance.json")

func TestResults_documents(t *testing.T) {
	t.Parallel()
	const docs = "../../../docs"
	data, err := os.ReadFile(filepath.Join(docs, "performance.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r Results
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	for name, render := range map[string]func(path string) error{
		"performance.md":          func(path string) error { return Insert(path, r.Markdown()) },
		"performance-counters.md": func(path string) error { return Insert(path, r.Counters()) },
		"performance.svg":         func(path string) error { return os.WriteFile(path, []byte(r.SVG()), 0o644) },
	} {
		path := filepath.Join(docs, name)
		if *update {
			if err := render(path); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rendered := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(rendered, want, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := render(rendered); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(rendered)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("docs/%s differs from performance.json: run this test with -update", name)
		}
	}
}
