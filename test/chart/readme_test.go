package chart_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of values in chart/README.md anew")

const (
	readme     = chartDir + "/README.md"
	tableStart = "<!-- values: made from values.yaml by go test ./test/chart -update -->\n"
	tableEnd   = "<!-- end of values -->\n"
)

func TestTheReadmeListsTheValues(t *testing.T) {
	content, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, started := strings.Cut(string(content), tableStart)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !started || !ended {
		t.Fatalf("%s has no table of values", readme)
	}
	want := before + tableStart + table(readValues(t)) + tableEnd + after
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatalf("%s is not as values.yaml is now: go test ./test/chart -update", readme)
	}
	if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table(values []value) string {
	var b strings.Builder
	b.WriteString("| value | default | what it is |\n|---|---|---|\n")
	for _, v := range values {
		switch {
		case v.standard != "":
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.path, v.standard, escape(v.comment))
		case v.comment != "":
			fmt.Fprintf(&b, "| **`%s`** | | %s |\n", v.path, escape(v.comment))
		}
	}
	return b.String()
}

// escape keeps Markdown from reading <key> as a tag.
func escape(s string) string { return strings.ReplaceAll(s, "<", "&lt;") }
