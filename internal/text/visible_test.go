package text

import (
	"bytes"
	"fmt"
	"testing"
)

func TestVisible(t *testing.T) {
	tests := []struct{ name, s, want string }{
		{"keeps text", "a ü\tb\n", "a ü\tb\n"},
		{"shows an escape sequence", "a\x1b[31mb\x1b]0;x\a", `a\u001b[31mb\u001b]0;x\u0007`},
		{"shows DEL and C1 controls", "a\x7fb\u009bc", `a\u007fb\u009bc`},
		{"shows a change of direction", "a\u202eb\u2066", `a\u202eb\u2066`},
		{"shows a carriage return", "50%\rdone", `50%\u000ddone`},
		{"drops carriage returns at the end of lines", "a\r\nb", "a\nb"},
		{"replaces invalid UTF-8", "a\x9bb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Visible(tt.s); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestVisibleWriter(t *testing.T) {
	var out bytes.Buffer
	if n, err := fmt.Fprint(VisibleWriter(&out), "a\x1bb"); n != 3 || err != nil {
		t.Errorf("got %d, %v, want 3 bytes", n, err)
	}
	if got, want := out.String(), `a\u001bb`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
