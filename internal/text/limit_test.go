package text

import "testing"

func TestPrintable(t *testing.T) {
	tests := []struct {
		name, s string
		limit   int
		want    string
	}{
		{"joins lines", " a\n\tb  c\n", 100, "a b c"},
		{"drops control characters", "no \x1b[31mdatabase", 100, "no [31mdatabase"},
		{"counts bytes and keeps whole runes", "aöü", 4, "aö"},
		{"drops invalid UTF-8", "a\xffb", 100, "ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Printable(tt.s, tt.limit); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAbbreviate(t *testing.T) {
	tests := []struct {
		name string
		list []string
		want string
	}{
		{"returns nothing for an empty list", nil, ""},
		{"joins a list that fits", []string{"a", "b"}, "a, b"},
		{"counts the others", []string{"a", "b", "c", "d"}, "a, b and 2 more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Abbreviate(tt.list, 2); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
