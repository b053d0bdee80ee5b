package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cells returns the number of columns that s takes in a terminal: two for East Asian
// wide characters and most emoji, none for marks that combine with another character.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shorten returns s on one line of at most limit columns: a line that wraps cannot be
// erased.
func shorten(s string, limit int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if cells(s) <= limit {
		return s
	}
	const mark = "…"
	left, end := limit-cells(mark), 0
	for i, r := range s {
		if left -= cellsOf(r); left < 0 {
			break
		}
		end = i + len(string(r))
	}
	return s[:end] + mark
}

// pad appends spaces to s up to limit columns.
func pad(s string, limit int) string {
	return s + strings.Repeat(" ", max(limit-cells(s), 0))
}
