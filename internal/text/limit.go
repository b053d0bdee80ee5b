package text

import (
	"fmt"
	"strings"
	"unicode"
)

// MaxMessage limits a message from another program, in bytes.
const MaxMessage = 500

// Printable returns at most limit bytes of s on one line, without control
// characters. Redact s first, as for [Truncate].
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

// Abbreviate joins at most n elements and counts the others: "a, b and 3 more".
func Abbreviate(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
