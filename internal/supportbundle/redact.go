package supportbundle

import (
	"encoding/json"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// secretName is how an environment variable is named whose value is a secret,
// though it stands in a pod's specification instead of in a Secret.
var secretName = regexp.MustCompile(`(?i)passw(or)?d|secret|token|credential|api_?key|private_?key`)

// lines masks a text line by line: what is cut out of an error message must not
// take the rest of a log with it.
func (b *Bundle) lines(text string) string {
	var masked strings.Builder
	for line := range strings.Lines(text) {
		masked.WriteString(b.redact(line))
	}
	return masked.String()
}

// treeOf is v as maps, lists and plain values.
func treeOf(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	return tree, json.Unmarshal(text, &tree)
}

// tree masks every string of a tree, before a format folds or escapes it.
func (b *Bundle) tree(v any) any {
	switch v := v.(type) {
	case string:
		return b.redact(v)
	case []any:
		for i := range v {
			v[i] = b.tree(v[i])
		}
	case map[string]any:
		hideVariable(v)
		for key := range v {
			v[key] = b.tree(v[key])
		}
	}
	return v
}

// hideVariable masks the value of an entry such as {name: DB_PASSWORD, value: x}.
func hideVariable(entry map[string]any) {
	name, _ := entry["name"].(string)
	if _, literal := entry["value"].(string); literal && secretName.MatchString(name) {
		entry["value"] = redacted
	}
}
