package supportbundle

import (
	"encoding/json"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// secretName matches environment variables whose value is likely a secret, even
// if it is a literal in the pod spec.
var secretName = regexp.MustCompile(`(?i)passw(or)?d|secret|token|credential|api_?key|private_?key`)

// redactLines redacts each line separately. The redactor removes the end of some
// API errors, and must not remove the rest of a log with it.
func (b *Bundle) redactLines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(b.redact(line))
	}
	return out.String()
}

// treeOf converts v to maps, slices and plain values.
func treeOf(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	return tree, json.Unmarshal(text, &tree)
}

// redactTree redacts every string of a tree. Once encoded, a string may be folded
// or escaped, and the redactor would miss it.
func (b *Bundle) redactTree(v any) any {
	switch v := v.(type) {
	case string:
		return b.redact(v)
	case []any:
		for i := range v {
			v[i] = b.redactTree(v[i])
		}
	case map[string]any:
		redactVariable(v)
		for key := range v {
			v[key] = b.redactTree(v[key])
		}
	}
	return v
}

// redactVariable redacts the value of an entry like {name: DB_PASSWORD, value: x}.
func redactVariable(entry map[string]any) {
	name, _ := entry["name"].(string)
	if _, literal := entry["value"].(string); literal && secretName.MatchString(name) {
		entry["value"] = redacted
	}
}
