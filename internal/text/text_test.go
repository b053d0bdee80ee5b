package text

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Plural(n, "node"); got != want {
			t.Errorf("Plural(%d): got %q, want %q", n, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"OneLine joins lines", OneLine(" a\n\tb  c\n"), "a b c"},
		{"FirstLine keeps a single line", FirstLine(" a b \n"), "a b"},
		{"FirstLine marks further lines", FirstLine("a\nb"), "a …"},
		{"Truncate keeps a string that fits", Truncate("äö", 2), "äö"},
		{"Truncate counts runes", Truncate("äöü", 2), "äö…"},
		{"Tail returns the last lines", Tail("a\nb\nc\n", 2), "b; c"},
		{"Tail returns all of a short text", Tail("a", 2), "a"},
		{"Indent keeps the first line", Indent("a\nb\nc\n", "  "), "a\n  b\n  c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestAppendUnique(t *testing.T) {
	got := []string{"a"}
	for _, s := range []string{"a", "", "b", "b"} {
		got = AppendUnique(got, s)
	}
	if want := "a,b"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		12 * time.Millisecond: "12ms", 1400 * time.Millisecond: "1.4s", 125 * time.Second: "2m05s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d): got %q, want %q", d, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Run("aligns columns and keeps cells on one line", func(t *testing.T) {
		var b strings.Builder
		table := NewTable(&b)
		table.Row("NAME", "READY")
		table.Row("web\nserver", "1/1")
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		if want := "NAME         READY\nweb server   1/1\n"; b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	})
	t.Run("returns the error of a write", func(t *testing.T) {
		table := NewTable(brokenWriter{})
		table.Row("a", "b")
		if err := table.Flush(); !errors.Is(err, errBroken) {
			t.Errorf("got %v, want %v", err, errBroken)
		}
	})
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
