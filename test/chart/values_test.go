package chart_test

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A value is a key of values.yaml, at any depth.
type value struct {
	path     string
	comment  string // above the key, in one line
	standard string // what values.yaml sets; "" for a key with keys below it
}

// readValues gives the keys of values.yaml in their order.
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
		v.standard = inFlow(node)
		found = append(found, v)
	}
	return found
}

// commentOf is the comment right above a key, without what stands apart from it.
func commentOf(key *yaml.Node) string {
	paragraphs := strings.Split(key.HeadComment, "\n\n")
	lines := strings.Split(paragraphs[len(paragraphs)-1], "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(line, "#"))
	}
	return strings.Join(lines, " ")
}

// inFlow writes a scalar or a list as it stands in one line of YAML.
func inFlow(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "{}"
	case node.Kind == yaml.SequenceNode:
		items := make([]string, len(node.Content))
		for i, item := range node.Content {
			items[i] = inFlow(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case node.Style == yaml.DoubleQuotedStyle:
		return `"` + node.Value + `"`
	default:
		return node.Value
	}
}

func TestEveryValueHasAComment(t *testing.T) {
	t.Parallel()
	for _, v := range readValues(t) {
		if v.standard != "" && !strings.HasSuffix(v.comment, ".") {
			t.Errorf("values.yaml: %s has the comment %q, want a sentence", v.path, v.comment)
		}
	}
}
