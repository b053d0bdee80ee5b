package supportbundle

import (
	"encoding/json"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// secretName matches environment variables whose literal value is likely a secret.
var secretName = regexp.MustCompile(`(?i)passw(or)?d|secret|token|credential|api_?key|private_?key`)

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

// redactTree redacts strings before encoding, which may fold or escape them and
// hide them from the redactor.
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
