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

// redacted stands for what was the content of a Secret.
const redacted = "[redacted]"

// minSecret is the length from which a Secret's value is masked wherever it
// stands. A shorter one ("true", "5432") would tear up unrelated text; what an
// API server says of an invalid Secret is cut out as a whole anyway.
const minSecret = 5

// A redactor masks the contents of Secrets in texts: the API server and Helm
// quote the object that they reject (helm#12176).
type Redactor struct {
	secrets []string // the longest first
}

// redactorFor knows the contents of the Secrets in the manifests, as far as those
// can be read: of what cannot, nothing gets to an API server that could quote it.
func NewRedactor(manifests ...string) Redactor { return NewRedactorWith(nil, manifests...) }

// redactorWith knows further contents too.
func NewRedactorWith(contents []string, manifests ...string) Redactor {
	var r Redactor
	for _, content := range contents {
		r.add(content)
	}
	for _, manifest := range manifests {
		found, _ := objectsIn(manifest, mayHoldSecret)
		for _, o := range found {
			if o.GetKind() == "Secret" {
				r.learn(o)
			}
		}
	}
	slices.SortFunc(r.secrets, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	r.secrets = slices.Compact(r.secrets)
	return r
}

// mayHoldSecret is false for most documents, and far cheaper than to parse all
// those of a history. With an escape, YAML can spell the word in other ways.
func mayHoldSecret(document []byte) bool {
	return bytes.Contains(document, []byte("Secret")) || bytes.Contains(document, []byte(`\`))
}

func (r *Redactor) learn(secret unstructured.Unstructured) {
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

// add learns a value in the forms in which it may be quoted. The lines of a
// longer text are secrets of their own: an error may show one of them.
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
	// byteList is how Go prints the data of a rejected object.
	byteList = regexp.MustCompile(`\[\](?:uint8|byte)\{[^}]*\}`)
	// invalidValue is the value in "spec.x: Invalid value: …: field is immutable".
	invalidValue = regexp.MustCompile(`(?s)(Invalid value|Unsupported value|Duplicate value): .*?(: [a-zA-Z][^:{}"]*$|: [a-zA-Z][^:{}"]*(?: &&|, |\]|\n)|$)`)
	aboutSecret  = regexp.MustCompile(`\bSecret\b`)
)

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

// error is err without the contents of Secrets.
func (r Redactor) Err(err error) error { return fault.Redact(err, r.Text) }
