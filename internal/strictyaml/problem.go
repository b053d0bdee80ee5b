// Package strictyaml reads YAML files that people write and tells everything
// that is wrong with them at once, each problem with its file, line and column.
//
// YAML libraries stop at the first error, let the last of two equal keys win
// and drop keys that nobody reads. A typing mistake then becomes a setting that
// silently has no effect. Here all of these are problems, and an unknown key
// comes with the known one that is nearest to it.
//
// The rules are those of one plain document: keys are scalars and unique in
// their map. Anchors, aliases and merge keys (<<) are allowed. No message shows
// a value of the file, because it may be a secret.
package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing wrong at one place of a file.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 when File is no file but, say, a flag
	Message      string // "unknown key \"reposiory\""
	Hint         string // "did you mean \"repository\"?"; may be empty
}

// String is "file:line:column: message (hint)".
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

// Problems is an error that tells all problems, one a line, sorted by file,
// line and column. Use [Problems.Err] to return it as an error: an empty list
// is no error.
type Problems []Problem

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps.Sorted() {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is ps, or nil if there is no problem.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.Sorted()
}

// Sorted is a copy of ps by file, line, column and message, without repetitions.
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
