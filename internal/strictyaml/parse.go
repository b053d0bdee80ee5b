package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// At returns a problem at the position of n.
func At(file string, n *yaml.Node, message string) Problem {
	return Problem{File: file, Line: n.Line, Column: n.Column, Message: message}
}

// Parse parses the single document in data. It reports syntax errors, a second
// document, duplicate keys and keys that are not scalars. It returns nil if the
// file is empty or has a syntax error.
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

// parseDocument returns the library's panics on a few malformed inputs as errors.
func parseDocument(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("invalid YAML: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	for {
		var more yaml.Node
		switch err := decoder.Decode(&more); {
		case errors.Is(err, io.EOF):
			return doc.Content[0], nil
		case err != nil:
			return nil, err
		case !isEmpty(more.Content[0]): // a separator at the end of the file is usual
			return nil, fmt.Errorf("line %d: unexpected second document: a file must contain only one", more.Line)
		}
	}
}

func isEmpty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 }

var libraryError = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// unknownAnchor matches an error without a line.
var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)

func syntaxProblem(file string, data []byte, err error) Problem {
	match := libraryError.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(match[1])
	p := Problem{File: file, Line: max(line, 1), Column: 1, Message: match[2]}
	lines := strings.Split(string(data), "\n")
	anchor := unknownAnchor.FindStringSubmatch(p.Message)
	switch at := invalidUTF8(data); {
	case line >= 1 && line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t"):
		p.Hint = "indent with spaces, not tabs"
	case line == 0 && anchor != nil:
		p.Line, p.Column = position(data, bytes.Index(data, []byte("*"+anchor[1])))
	case line == 0 && at < len(data):
		p.Line, p.Column = position(data, at)
		p.Hint = "save the file as UTF-8"
	}
	return p
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or len(data).
func invalidUTF8(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// position returns the line and the column of an offset, from 1.
func position(data []byte, offset int) (line, column int) {
	before := data[:max(offset, 0)]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// duplicates visits each node once, because it does not follow aliases.
func duplicates(file string, n *yaml.Node) Problems {
	var problems Problems
	if n.Kind == yaml.MappingNode {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, ok := scalarKey(n.Content[i])
			switch {
			case !ok:
				problems = append(problems, At(file, n.Content[i], "key must be a plain value, not a map or a list"))
			case first[key] != nil:
				text := fmt.Sprintf("duplicate key %q: already defined in line %d", key, first[key].Line)
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

// KindOf returns the kind of n for messages, such as "a map", "nothing" or "true
// or false".
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
