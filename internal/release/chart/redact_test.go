package chart

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/redact"
)

const secretManifest = `# Source: a
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {A: aHVudGVyMi1hbmQtbW9yZQ==}
stringData: {B: "line \"one\"\nline two", C: tru}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {D: public-value}
`

func TestRedactor_Text(t *testing.T) {
	t.Parallel()
	r := NewRedactor("is: [no YAML\n---\n" + secretManifest)
	tests := map[string]struct{ text, want string }{
		"raw":              {"x hunter2-and-more y", "x [redacted] y"},
		"base64":           {"x aHVudGVyMi1hbmQtbW9yZQ== y", "x [redacted] y"},
		"base64 of text":   {base64.StdEncoding.EncodeToString([]byte("line \"one\"\nline two")), "[redacted]"},
		"quoted":           {fmt.Sprintf("%q", "line \"one\"\nline two"), `"[redacted]"`},
		"one line of many": {"bad: line two", "bad: [redacted]"},
		"other values":     {"public-value is true", "public-value is true"},
		"bytes":            {`core.X{Data:[]uint8{0x68, 0x75}}`, `core.X{Data:[redacted]}`},
		"rejected Secret": {
			`Secret "s" is invalid: data: Invalid value: map[C:tru]: not allowed`,
			`Secret "s" is invalid: data: Invalid value: [redacted]: not allowed`,
		},
		"two rejections": {
			`cannot patch "s" with kind Secret: Invalid value: {"C":"tru"}: field is immutable && cannot patch "d" with kind Deployment: forbidden`,
			`cannot patch "s" with kind Secret: Invalid value: [redacted]: field is immutable && cannot patch "d" with kind Deployment: forbidden`,
		},
		"rejected Deployment": {
			`Deployment.apps "d" is invalid: spec.selector: Invalid value: {"a":"b"}: field is immutable`,
			`Deployment.apps "d" is invalid: spec.selector: Invalid value: {"a":"b"}: field is immutable`,
		},
	}
	for name, tt := range tests {
		if got := r.Text(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestNewRedactor(t *testing.T) {
	t.Parallel()
	t.Run("finds a Secret spelled with escapes", func(t *testing.T) {
		t.Parallel()
		r := NewRedactor(`{"apiVersion": "v1", "kind": "\x53ecret", "metadata": {"name": "s"}, "stringData": {"A": "hunter2-and-more"}}`)
		if got := r.Text("x hunter2-and-more y"); got != "x [redacted] y" {
			t.Errorf("got %q, want the secret redacted", got)
		}
	})

	t.Run("adds further contents", func(t *testing.T) {
		t.Parallel()
		r := NewRedactorWith([]redact.Entry{{Key: "a", Value: "from-another"}, {Key: "b", Value: "first line\nsecond line"}}, secretManifest)
		const want = "[redacted] [redacted] [redacted] [redacted]"
		if got := r.Text("from-another ZnJvbS1hbm90aGVy second line hunter2-and-more"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestRedactor_Err(t *testing.T) {
	t.Parallel()
	t.Run("keeps the class", func(t *testing.T) {
		t.Parallel()
		r := NewRedactor(secretManifest)
		plain := fault.New(fault.Apply, errors.New("no secret here"), "hint")
		if got := r.Err(plain); !errors.Is(got, plain) {
			t.Errorf("got %v, want the error unchanged", got)
		}
		err := r.Err(fmt.Errorf("outer: %w", fault.New(fault.Apply, errors.New("got hunter2-and-more"), "do x")))
		if err.Error() != "outer: got [redacted]" || fault.ClassOf(err) != fault.Apply || fault.HintOf(err) != "do x" {
			t.Errorf("got %v, class %q, hint %q, want it redacted, class %q, hint \"do x\"", err, fault.ClassOf(err), fault.HintOf(err), fault.Apply)
		}
		if cause := errors.Unwrap(errors.Unwrap(err)); cause != nil {
			t.Errorf("got wrapped error %v, want none", cause)
		}
	})

	t.Run("redacts the hint", func(t *testing.T) {
		t.Parallel()
		err := NewRedactor(secretManifest).Err(fault.New(fault.Apply, errors.New("no secret here"), "not hunter2-and-more"))
		if err.Error() != "no secret here" || fault.HintOf(err) != "not [redacted]" {
			t.Errorf("got %v, hint %q, want only the hint redacted", err, fault.HintOf(err))
		}
	})
}
