package text

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible returns s with control characters as escapes of the form \u001b, which are
// valid in JSON too: a container must not steer the terminal. Line feeds and tabs stay,
// carriage returns before a line feed are dropped. Direction controls of Unicode count
// as control characters, and invalid UTF-8 becomes U+FFFD.
func Visible(s string) string {
	if !strings.ContainsFunc(s, isHidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToValidUTF8(s, string(utf8.RuneError)), "\r\n", "\n") {
		if isHidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isHidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// VisibleWriter returns a writer that writes [Visible] text to w. A write must not
// split a character.
func VisibleWriter(w io.Writer) io.Writer { return visibleWriter{w} }

type visibleWriter struct{ w io.Writer }

func (v visibleWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.w, Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
