package refusal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable reports whether text has least to most characters and no control
// characters except line breaks and tabs. PostgreSQL cannot store NUL.
func Printable(text string, least, most int) bool {
	n := utf8.RuneCountInString(text)
	return n >= least && n <= most && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
	})
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsUUID reports whether text is a UUID as PostgreSQL prints it.
func IsUUID(text string) bool { return uuid.MatchString(text) }
