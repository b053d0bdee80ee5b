package chart

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

const redacted = "[redacted]"

// minSecret is the minimum length of a redacted value. Shorter ones, such as "true" or
// "5432", occur in unrelated text. A message about an invalid Secret loses its whole
// value anyway.
const minSecret = 5

// Redactor removes the contents of Secrets from text. The API server and Helm quote
// objects that they reject (helm#12176).
type Redactor struct {
	secrets []string // longest first
}

// NewRedactor returns a Redactor for the Secrets in the manifests. It skips documents
// that it cannot parse.
func NewRedactor(manifests ...string) Redactor { return NewRedactorWith(nil, manifests...) }

// NewRedactorWith returns a Redactor that also redacts contents.
func NewRedactorWith(contents []string, manifests ...string) Redactor {
	var r Redactor
	for _, content := range contents {
		r.add(content)
	}
	for _, manifest := range manifests {
		found, _ := objectsMatching(manifest, mayHoldSecret)
		for _, o := range found {
			if o.GetKind() == "Secret" {
				r.addSecret(o)
			}
		}
	}
	slices.SortFunc(r.secrets, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	r.secrets = slices.Compact(r.secrets)
	return r
}

// mayHoldSecret rules out most documents without parsing. An escape may spell "Secret"
// differently.
func mayHoldSecret(document []byte) bool {
	return bytes.Contains(document, []byte("Secret")) || bytes.Contains(document, []byte(`\`))
}

func (r *Redactor) addSecret(secret unstructured.Unstructured) {
	for _, value := range stringsOf(Lookup(secret.Object, []string{"data"})) {
		r.add(value)
		if plain, err := base64.StdEncoding.DecodeString(value); err == nil {
			r.add(string(plain))
		}
	}
	for _, value := range stringsOf(Lookup(secret.Object, []string{"stringData"})) {
		r.add(value)
	}
}

func stringsOf(m any) []string {
	var all []string
	values, _ := m.(map[string]any)
	for _, value := range values {
		if s, ok := value.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// add adds every form in which value may be quoted, and single lines.
func (r *Redactor) add(value string) {
	forms := []string{value, strings.Trim(strconv.Quote(value), `"`), base64.StdEncoding.EncodeToString([]byte(value))}
	if quoted, err := json.Marshal(value); err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	if strings.Contains(value, "\n") {
		forms = append(forms, strings.Split(value, "\n")...)
	}
	for _, form := range forms {
		if len(form) >= minSecret {
			r.secrets = append(r.secrets, form)
		}
	}
}

var (
	// byteList matches Go's format for the data of a rejected object.
	byteList = regexp.MustCompile(`\[\](?:uint8|byte)\{[^}]*\}`)
	// invalidValue matches "spec.x: Invalid value: …: field is immutable".
	invalidValue = regexp.MustCompile(`(?s)(Invalid value|Unsupported value|Duplicate value): .*?(: [a-zA-Z][^:{}"]*$|: [a-zA-Z][^:{}"]*(?: &&|, |\]|\n)|$)`)
	aboutSecret  = regexp.MustCompile(`\bSecret\b`)
)

// Text returns s without the contents of Secrets.
func (r Redactor) Text(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	s = byteList.ReplaceAllString(s, redacted)
	if aboutSecret.MatchString(s) {
		s = invalidValue.ReplaceAllString(s, "$1: "+redacted+"$2")
	}
	return s
}

// Err returns err without the contents of Secrets.
func (r Redactor) Err(err error) error { return fault.Redact(err, r.Text) }
