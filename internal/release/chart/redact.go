package chart

import (
	"bytes"
	"encoding/base64"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/redact"
)

// Redactor masks the contents of Secrets. The API server and Helm quote objects that
// they reject (helm#12176).
type Redactor struct{ *redact.Redactor }

// NewRedactor returns a Redactor for the Secrets in the manifests. It skips documents
// that it cannot parse.
func NewRedactor(manifests ...string) Redactor { return NewRedactorWith(nil, manifests...) }

// NewRedactorWith returns a Redactor that also masks entries. Names of objects,
// containers and images in the manifests stay readable.
func NewRedactorWith(entries []redact.Entry, manifests ...string) Redactor {
	for _, manifest := range manifests {
		found, _ := objectsMatching(manifest, mayHoldSecret)
		for _, o := range found {
			if o.GetKind() == "Secret" {
				entries = append(entries, secretEntries(o)...)
			}
		}
	}
	return Redactor{redact.New(entries, func(value string) bool { return isName(value, manifests) })}
}

// mayHoldSecret rules out most documents without parsing. An escape may spell "Secret"
// differently.
func mayHoldSecret(document []byte) bool {
	return bytes.Contains(document, []byte("Secret")) || bytes.Contains(document, []byte(`\`))
}

func secretEntries(secret unstructured.Unstructured) []redact.Entry {
	entries := entriesOf(Lookup(secret.Object, []string{"stringData"}))
	for _, e := range entriesOf(Lookup(secret.Object, []string{"data"})) {
		entries = append(entries, e)
		if plain, err := base64.StdEncoding.DecodeString(e.Value); err == nil {
			entries = append(entries, redact.Entry{Key: e.Key, Value: string(plain)})
		}
	}
	return entries
}

func entriesOf(m any) []redact.Entry {
	var entries []redact.Entry
	values, _ := m.(map[string]any)
	for key, value := range values {
		if s, ok := value.(string); ok {
			entries = append(entries, redact.Entry{Key: key, Value: s})
		}
	}
	return entries
}

// isName reports whether the manifests use value as a name, without parsing them.
func isName(value string, manifests []string) bool {
	name, err := regexp.Compile(`(?:^|[\s{,"'])(?:[a-zA-Z.-]*[nN]ame|namespace|app|component|instance|host|image)["']?:[ \t]*["']?(?:[^\s"',}]*/)?` +
		regexp.QuoteMeta(value) + `(?:[:"',}\s]|$)`)
	if err != nil {
		return false
	}
	for _, manifest := range manifests {
		if name.MatchString(manifest) {
			return true
		}
	}
	return false
}

// Err returns err without the contents of Secrets.
func (r Redactor) Err(err error) error { return fault.Redact(err, r.Text) }
