package text

import (
	"fmt"
	"strings"
	"unicode"
)

// MaxMessage is how many bytes are shown of a message from another program.
const MaxMessage = 500

// Printable returns at most limit bytes of s on one line, without characters
// that could control a terminal. Redact s first: the remaining part of a cut
// secret would not be recognized.
func Printable(s string, limit int) string {
	s = strings.ToValidUTF8(s[:min(len(s), limit)], "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	return OneLine(s)
}

// Abbreviate joins the first n elements of list and counts the others:
// "a, b and 3 more".
func Abbreviate(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
