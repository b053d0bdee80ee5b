package chart_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "update the table of values in chart/README.md")

const (
	readme     = chartDir + "/README.md"
	tableStart = "<!-- values: generated from values.yaml by go test ./test/chart -update -->\n"
	tableEnd   = "<!-- end of values -->\n"
)

func TestReadme(t *testing.T) {
	t.Run("lists the values", func(t *testing.T) {
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
			t.Fatalf("%s does not match values.yaml: run go test ./test/chart -update", readme)
		}
		if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// table returns the Markdown table of the values.
func table(values []value) string {
	var b strings.Builder
	b.WriteString("| value | default | description |\n|---|---|---|\n")
	for _, v := range collapse(values) {
		switch {
		case v.preset != "":
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.path, v.preset, escape(v.comment))
		case v.comment != "":
			fmt.Fprintf(&b, "| **`%s`** | | %s |\n", v.path, escape(v.comment))
		}
	}
	return b.String()
}

// collapse merges the keys of all services into services.<key>, with the comment of the
// first one. A default that differs becomes "…". It also merges the keys of resources.
func collapse(values []value) []value {
	var merged []value
	for _, v := range foldResources(values) {
		if key, ok := strings.CutPrefix(v.path, "services."); ok {
			_, key, ok = strings.Cut(key, ".")
			if !ok {
				continue // a service itself
			}
			v.path = "services.<key>." + key
		}
		i := slices.IndexFunc(merged, func(m value) bool { return m.path == v.path })
		switch {
		case i < 0:
			merged = append(merged, v)
		case merged[i].preset != v.preset:
			merged[i].preset = "…"
		}
	}
	return merged
}

// foldResources replaces the keys below resources by one default: "requests.cpu: 50m,
// limits.memory: 64Mi".
func foldResources(values []value) []value {
	var folded []value
	for _, v := range values {
		_, key, below := strings.Cut(v.path, ".resources.")
		switch {
		case !below:
			folded = append(folded, v)
		case v.preset != "":
			last := &folded[len(folded)-1]
			last.preset = strings.TrimPrefix(last.preset+", "+key+": "+v.preset, ", ")
		}
	}
	return folded
}

// escape keeps Markdown from reading <key> as a tag.
func escape(s string) string { return strings.ReplaceAll(s, "<", "&lt;") }
