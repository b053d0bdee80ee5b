// Package redact masks secrets in text.
//
// It learns the contents of Secrets value by value, in every form in which a program
// may quote them. It also recognizes credentials by their syntax, such as the
// password in a URL. Names that the manifests have in the clear stay readable.
package redact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask replaces a secret.
const Mask = "[redacted]"

// Entry is one value of a Secret.
type Entry struct{ Key, Value string }

// Redactor masks secrets. A nil Redactor masks only what its syntax gives away.
type Redactor struct {
	secrets *strings.Replacer
	words   []string // masked only as whole words, longest first
}

// New returns a Redactor for the entries. isName reports whether a value is a name
// that must stay readable; it may be nil.
func New(entries []Entry, isName func(string) bool) *Redactor {
	l := learner{isName: isName, seen: map[string]bool{}}
	for _, e := range entries {
		l.entry(e)
	}
	longestFirst := func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) }
	slices.SortFunc(l.secrets, longestFirst)
	slices.SortFunc(l.words, longestFirst)
	var pairs []string
	for _, secret := range l.secrets {
		pairs = append(pairs, secret, Mask)
	}
	return &Redactor{secrets: strings.NewReplacer(pairs...), words: l.words}
}

// Text returns s with secrets masked. Mask the strings of a document before encoding
// it: masked text may not be valid JSON or YAML.
func (r *Redactor) Text(s string) string {
	if r != nil {
		s = r.secrets.Replace(s)
		for _, word := range r.words {
			s = maskWord(s, word)
		}
	}
	return maskSyntax(s)
}

// Tree masks all strings in a decoded document with mask, in place, and returns it.
// Values of variables and arguments that are named like secrets are masked whole.
func Tree(v any, mask func(string) string) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case []any:
		for i := range v {
			v[i] = Tree(v[i], mask)
		}
		maskArguments(v)
	case map[string]any:
		maskVariable(v)
		for key := range v {
			v[key] = Tree(v[key], mask)
		}
	}
	return v
}

// maskVariable masks the value of an entry like {name: DB_PASSWORD, value: x}.
func maskVariable(entry map[string]any) {
	name, _ := entry["name"].(string)
	if _, literal := entry["value"].(string); literal && secretKey.MatchString(name) {
		entry["value"] = Mask
	}
}

// maskArguments masks the argument after a flag like --password.
func maskArguments(list []any) {
	for i := 1; i < len(list); i++ {
		flag, _ := list[i-1].(string)
		if value, ok := list[i].(string); ok && strings.HasPrefix(flag, "-") && !strings.HasPrefix(value, "-") && secretFlag.MatchString(flag) {
			list[i] = Mask
		}
	}
}

// maskWord masks word where it is not a part of a longer word or name.
func maskWord(s, word string) string {
	var out strings.Builder
	for {
		i := strings.Index(s, word)
		if i < 0 {
			out.WriteString(s)
			return out.String()
		}
		end := i + len(word)
		if joinedBefore(s[:i]) || joinedAfter(s[end:]) {
			_, size := utf8.DecodeRuneInString(s[i:])
			out.WriteString(s[:i+size])
			s = s[i+size:]
			continue
		}
		out.WriteString(s[:i])
		out.WriteString(Mask)
		s = s[end:]
	}
}

// escape matches what ends in a letter or digit but is no part of a name: \n, an octet in
// a URL, and the color of a terminal.
var escape = regexp.MustCompile(`(?:\\[nrt]|%[0-9A-Fa-f]{2}|(?:\x1b|\\u001b)\[[0-9;]{0,12}[A-Za-z])$`)

const maxEscape = 32

// joinedBefore reports whether a name continues from s.
func joinedBefore(s string) bool {
	last, size := utf8.DecodeLastRuneInString(s)
	rest := s[:len(s)-size]
	if isWord(last) && escape.MatchString(s[max(0, len(s)-maxEscape):]) {
		return false
	}
	if strings.ContainsRune("-.", last) && last != utf8.RuneError {
		last, _ = utf8.DecodeLastRuneInString(rest)
	}
	return isWord(last)
}

func joinedAfter(s string) bool {
	first, size := utf8.DecodeRuneInString(s)
	if strings.ContainsRune("-.", first) && first != utf8.RuneError {
		first, _ = utf8.DecodeRuneInString(s[size:])
	}
	return isWord(first)
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
}
