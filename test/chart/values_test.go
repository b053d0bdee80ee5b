package chart_test

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// value is a key of values.yaml, at any depth.
type value struct {
	path    string
	comment string // comment above the key, on one line
	preset  string // default, or "" for a key with keys below it
}

func readValues(t *testing.T) []value {
	t.Helper()
	content, err := os.ReadFile(chartDir + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	return keysOf(document.Content[0], "")
}

func keysOf(mapping *yaml.Node, prefix string) []value {
	var found []value
	for i := 0; i < len(mapping.Content); i += 2 {
		key, node := mapping.Content[i], mapping.Content[i+1]
		v := value{path: prefix + key.Value, comment: commentOf(key)}
		if node.Kind == yaml.MappingNode && len(node.Content) > 0 {
			found = append(found, v)
			found = append(found, keysOf(node, v.path+".")...)
			continue
		}
		v.preset = flow(node)
		found = append(found, v)
	}
	return found
}

// commentOf returns the comment directly above a key, without earlier paragraphs.
func commentOf(key *yaml.Node) string {
	paragraphs := strings.Split(key.HeadComment, "\n\n")
	lines := strings.Split(paragraphs[len(paragraphs)-1], "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(line, "#"))
	}
	return strings.Join(lines, " ")
}

func flow(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "{}"
	case node.Kind == yaml.SequenceNode:
		items := make([]string, len(node.Content))
		for i, item := range node.Content {
			items[i] = flow(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case node.Style == yaml.DoubleQuotedStyle:
		return `"` + node.Value + `"`
	default:
		return node.Value
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	t.Run("have a comment", func(t *testing.T) {
		t.Parallel()
		for _, v := range readValues(t) {
			if v.preset != "" && !strings.HasSuffix(v.comment, ".") {
				t.Errorf("values.yaml: %s: got comment %q, want a sentence", v.path, v.comment)
			}
		}
	})
}
