package chart

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/redact"
)

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"services: {auth: {port: 1}}\n", "a: &a [*a]\n", "services: &s\n  auth: *s\n", "<<: [a]\n", "services: [1]\n",
		"services: {auth: {image: {<<: {tag: x}}}}\n", "? {}\n: 1\n", "services:\n", "1: 2\n", "services: !!binary x\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := shop()
		d.ValuesFiles = []string{valuesFile(t, "v.yaml", data)}
		_, _ = Check(d)
	})
}

// ordinary matches what is not masked: it occurs in unrelated text.
var ordinary = regexp.MustCompile(`^([0-9]{1,5}|true|false|null|enabled|disabled)$`)

func valuesFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzRedact quotes two secrets next to each other, as an API server would. None may
// remain in an error or its hint.
func FuzzRedact(f *testing.F) {
	f.Add("hunter2-and-more", "x", "")
	f.Add("a\nbcdefgh\"", "Invalid value: ", "and-more")
	f.Add("-----BEGIN KEY-----\nMIIEv\n-----END KEY-----\n", `Secret "s" is invalid: data: `, "MIIEvQIBADANBg")
	f.Add("Secret", ": field is immutable && Secret", "immutable")
	f.Add("A\nZ7Z0000\"", "Aaaaaaa aaaaa0 ", "aaaa0")
	f.Fuzz(func(t *testing.T, secret, around, other string) {
		object := map[string]any{
			"kind": "Secret", "apiVersion": "v1", "metadata": map[string]any{"name": "s"},
			"data": map[string]any{"A": base64.StdEncoding.EncodeToString([]byte(secret))}, "stringData": map[string]any{"B": other},
		}
		manifest, err := yaml.Marshal(object)
		if err != nil || !utf8.ValidString(secret) || !utf8.ValidString(other) {
			t.Skip()
		}
		r := NewRedactor(string(manifest))
		around = " " + around + " " // words are masked only as a whole, and never as a part of another word
		var forms []string
		for _, s := range []string{secret, other} {
			inOther := strings.Contains(redact.Mask, s) || strings.Contains(around, s) //nolint:gocritic // in this order
			if len(s) < 5 || strings.ContainsAny(s, "[]") || inOther || ordinary.MatchString(strings.TrimSpace(s)) {
				continue
			}
			forms = append(forms, s, base64.StdEncoding.EncodeToString([]byte(s)), strconv.Quote(s))
		}
		text := around + strings.Join(forms, around) + around
		err = r.Err(fault.New(fault.Apply, errors.Join(errors.New("a"), errors.New(text)), "hint "+text))
		for _, got := range []string{r.Text(text), err.Error(), fault.HintOf(err), errors.Unwrap(err).Error()} {
			for _, form := range forms {
				if strings.Contains(got, form) {
					t.Errorf("got %q, want no %q", got, form)
				}
			}
		}
	})
}
