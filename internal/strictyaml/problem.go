// Package strictyaml decodes hand-written YAML and reports every problem at once,
// each with its file, line and column.
//
// YAML libraries stop at the first error and drop unknown keys, so a typing error
// becomes a setting without effect. This package reports unknown keys, with the
// nearest known one, and duplicate keys.
//
// A file is a single document with scalar keys. Anchors, aliases and merge keys
// (<<) are allowed. Messages contain no values, because they may be secret.
package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is an error at one position of a file.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 if File is not a file but, for example, a flag
	Message      string // "unknown key \"reposiory\""
	Hint         string // "did you mean \"repository\"?"; may be empty
}

// String returns "file:line:column: message (hint)".
func (p Problem) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Line == 0 {
		text = p.File + ": " + p.Message
	}
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// Problems is an error that consists of several problems. Return it with
// [Problems.Err], because an empty list is not an error.
type Problems []Problem

// Error returns one line per problem, sorted by file, line and column.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps.Sorted() {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns ps, sorted, or nil if it is empty.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.Sorted()
}

// Sorted returns a sorted copy of ps without duplicates.
func (ps Problems) Sorted() Problems {
	sorted := slices.Clone(ps)
	slices.SortFunc(sorted, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}
