package refusal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable reports whether text has least to most characters and no control
// character except line breaks and tabs. PostgreSQL, for example, cannot store
// NUL.
func Printable(text string, least, most int) bool {
	n := utf8.RuneCountInString(text)
	return n >= least && n <= most && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
	})
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsUUID reports whether text is a UUID in the form that PostgreSQL prints.
func IsUUID(text string) bool { return uuid.MatchString(text) }
