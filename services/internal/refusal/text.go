package refusal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable says whether text has from least to most characters, none of which
// is a control character other than a line break or a tab. PostgreSQL, for one,
// stores no NUL.
func Printable(text string, least, most int) bool {
	n := utf8.RuneCountInString(text)
	return n >= least && n <= most && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
	})
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsUUID says whether text has the form of an id, as PostgreSQL writes it.
func IsUUID(text string) bool { return uuid.MatchString(text) }
