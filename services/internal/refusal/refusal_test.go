package refusal

import (
	"errors"
	"strings"
	"testing"
)

func TestFields_Err(t *testing.T) {
	t.Parallel()
	t.Run("returns every problem", func(t *testing.T) {
		t.Parallel()
		var fields Fields
		fields.Check(true, "a", "must be a")
		if err := fields.Err(); err != nil {
			t.Errorf("without problems: got %v, want nil", err)
		}
		fields.Check(false, "b", "must be b")
		fields.Check(false, "c", "must be c")
		var refused *Error
		if err := fields.Err(); !errors.As(err, &refused) || refused.Kind != Invalid || refused.Text != "b must be b; c must be c" || len(refused.Fields) != 2 {
			t.Errorf("got %+v, want an Invalid error with fields b and c", refused)
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       bool
	}{
		{"minimum length", "ä", true},
		{"maximum length in characters", "äöü", true},
		{"too short", "", false},
		{"too long", "äöüß", false},
		{"line break", "a\nb", true},
		{"NUL", "a\x00b", false},
		{"escape character", strings.Repeat("\x1b", 2), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := Printable(test.text, 1, 3); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
