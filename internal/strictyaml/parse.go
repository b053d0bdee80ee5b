package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// At is a problem at a node.
func At(file string, n *yaml.Node, message string) Problem {
	return Problem{File: file, Line: n.Line, Column: n.Column, Message: message}
}

// Parse reads the one document of data. It reports syntax errors, second
// documents, duplicate keys and keys that are no scalars. The node is the
// document's content, or nil for an empty file or after a syntax error.
func Parse(file string, data []byte) (*yaml.Node, Problems) {
	doc, err := parseDocument(data)
	if err != nil {
		return nil, Problems{syntaxProblem(file, data, err)}
	}
	if doc == nil {
		return nil, nil
	}
	return doc, duplicates(file, doc)
}

// parseDocument turns the panics that the library has for a few malformed
// inputs ("please report") into errors.
func parseDocument(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("cannot be read as YAML: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, fmt.Errorf("line %d: a second document: the file may have only one", more.Line)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return doc.Content[0], nil
}

var libraryError = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// syntaxProblem gives a library error its place. The library tells no column.
func syntaxProblem(file string, data []byte, err error) Problem {
	match := libraryError.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(match[1])
	p := Problem{File: file, Line: max(line, 1), Column: 1, Message: match[2]}
	lines := strings.Split(string(data), "\n")
	if line >= 1 && line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t") {
		p.Hint = "indent with spaces, not tabs"
	}
	return p
}

// duplicates walks the tree without following aliases, so each node once.
func duplicates(file string, n *yaml.Node) Problems {
	var problems Problems
	if n.Kind == yaml.MappingNode {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, ok := scalarKey(n.Content[i])
			switch {
			case !ok:
				problems = append(problems, At(file, n.Content[i], "a key must be a plain word, not a map or a list"))
			case first[key] != nil:
				text := fmt.Sprintf("duplicate key %q: it is already in line %d", key, first[key].Line)
				problems = append(problems, At(file, n.Content[i], text))
			default:
				first[key] = n.Content[i]
			}
		}
	}
	for _, child := range n.Content {
		problems = append(problems, duplicates(file, child)...)
	}
	return problems
}

func scalarKey(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n.Value, n.Kind == yaml.ScalarNode
}

// KindOf names what a node is in the words of a problem: "a map", "a list",
// "nothing", "a number", "true or false", "a date" or "a string".
func KindOf(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "a string"
}
