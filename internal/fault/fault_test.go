package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	if err := New(Build, nil, "hint"); err != nil {
		t.Errorf("New of nil: got %v, want nil", err)
	}
	cause := errors.New("disk full")
	if err := New(Build, cause, "hint"); !errors.Is(err, cause) || err.Error() != "disk full" {
		t.Errorf("got %v, want an error that wraps %v", err, cause)
	}
}

func TestClassOfAndHintOf(t *testing.T) {
	inner := New(Cluster, errors.New("no API server"), "start it")
	tests := []struct {
		name  string
		err   error
		class Class
		hint  string
	}{
		{"nil", nil, "", ""},
		{"plain error", errors.New("x"), "", ""},
		{"wrapped fault", fmt.Errorf("load: %w", inner), Cluster, "start it"},
		{"outer fault wins", New(Load, inner, "retry"), Load, "retry"},
		{"outer fault without a hint", New(Load, inner, ""), Load, "start it"},
		{"Default keeps a class", Default(Load, inner), Cluster, "start it"},
		{"Default adds a class", Default(Load, errors.New("x")), Load, ""},
		{"Default of nil", Default(Load, nil), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ClassOf(tt.err); got != tt.class {
				t.Errorf("ClassOf: got %q, want %q", got, tt.class)
			}
			if got := HintOf(tt.err); got != tt.hint {
				t.Errorf("HintOf: got %q, want %q", got, tt.hint)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	redact := func(s string) string { return strings.ReplaceAll(s, "s3cret", "***") }
	secret := errors.New("password s3cret")
	t.Run("drops the chain with the secret and keeps the class", func(t *testing.T) {
		err := Redact(New(Apply, secret, "use s3cret"), redact)
		if errors.Is(err, secret) || err.Error() != "password ***" || ClassOf(err) != Apply || HintOf(err) != "use ***" {
			t.Errorf("got %v (class %s, hint %q)", err, ClassOf(err), HintOf(err))
		}
	})
	t.Run("keeps an error without a secret", func(t *testing.T) {
		plain := errors.New("disk full")
		if got := Redact(plain, redact); got != plain { //nolint:errorlint // the very same error
			t.Errorf("got %v, want %v", got, plain)
		}
		if got := Redact(nil, redact); got != nil {
			t.Errorf("got %v, want nil", got)
		}
	})
	t.Run("redacts an error without a class", func(t *testing.T) {
		if err := Redact(secret, redact); err.Error() != "password ***" || ClassOf(err) != "" {
			t.Errorf("got %v (class %s)", err, ClassOf(err))
		}
	})
}
