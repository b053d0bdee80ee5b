package supportbundle

import (
	"encoding/json"
	"regexp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/redact"
)

// redactLines redacts each line separately, because the redactor removes the end of
// some API errors, but must not remove that of a log.
func (b *Bundle) redactLines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(b.redact(line))
	}
	return out.String()
}

func treeOf(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	return tree, json.Unmarshal(text, &tree)
}

var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// redactJSONString returns a string literal without a secret unchanged.
func (b *Bundle) redactJSONString(literal string) string {
	var plain string
	if json.Unmarshal([]byte(literal), &plain) != nil {
		return b.redact(literal)
	}
	masked := b.redact(plain)
	if masked == plain {
		return literal
	}
	encoded, err := json.Marshal(masked)
	if err != nil { // impossible for a string
		return `"` + redact.Mask + `"`
	}
	return string(encoded)
}
