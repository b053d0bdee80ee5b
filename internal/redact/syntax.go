package redact

import "regexp"

// secretName matches the end of the name of a secret setting.
const secretName = `passw(?:or)?d|passphrase|secret|token|api_?-?key|access_?-?key|private_?-?key`

// What a text gives away by its syntax, and its replacement.
var syntax = []struct {
	pattern *regexp.Regexp
	with    string
}{
	// scheme://user:password@host
	{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*:)[^\s/@"'<>]+@`), "${1}" + Mask + "@"},
	// user:password@tcp(host), as in Go's MySQL driver
	{regexp.MustCompile(`([A-Za-z0-9_.-]+:)[^\s:@/"']+(@(?:tcp|unix)\()`), "${1}" + Mask + "${2}"},
	// Authorization: Basic dXNlcjpwYXNz, and a token in JWT form
	{regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["'\[]?(?:basic|bearer)\s+)[^\s"'\[\]]+`), "${1}" + Mask},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*`), Mask},
	// DB_PASSWORD=x, password=x in a connection string, --token=x
	{regexp.MustCompile(`(?i)\b([a-z0-9_.-]*(?:pwd|` + secretName + `)=)("[^"]*"|'[^']*'|[^\s"'&;,)\]}\[]+)`), "${1}" + Mask},
	// "password":"x", as in a log in JSON
	{regexp.MustCompile(`(?i)("[a-z0-9_.-]*(?:` + secretName + `)"\s*:\s*)"(?:[^"\\]|\\.)+"`), "${1}\"" + Mask + "\""},
	// Go's format for the data of a rejected object
	{regexp.MustCompile(`\[\](?:uint8|byte)\{[^}]*\}`), Mask},
}

var secretFlag = regexp.MustCompile(`(?i)^--?[a-z0-9-]*(passw(or)?d|passphrase|secret|token|api-?key|access-?key|private-?key)$`)

var (
	// invalidValue matches "spec.x: Invalid value: …: field is immutable".
	invalidValue = regexp.MustCompile(`(?s)(Invalid value|Unsupported value|Duplicate value): .*?(: [a-zA-Z][^:{}"]*$|: [a-zA-Z][^:{}"]*(?: &&|, |\]|\n)|$)`)
	aboutSecret  = regexp.MustCompile(`\bSecret\b`)
)

func maskSyntax(s string) string {
	for _, rule := range syntax {
		s = rule.pattern.ReplaceAllString(s, rule.with)
	}
	if aboutSecret.MatchString(s) {
		s = invalidValue.ReplaceAllString(s, "$1: "+Mask+"$2")
	}
	return s
}
