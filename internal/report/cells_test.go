package report

import "testing"

func TestCells(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{
		"": 0, "web": 3, "映像": 4, "ｗｅｂ": 6, "🚀": 2, "e\u0301": 1, "a\u200db": 2, "… · ✓": 5,
	} {
		if got := cells(s); got != want {
			t.Errorf("%q: got %d columns, want %d", s, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		s     string
		limit int
		want  string
	}{
		{"web", 3, "web"}, {"a\nb", 3, "a b"}, {"build", 4, "bui…"}, {"映像作成", 8, "映像作成"},
		{"映像作成", 7, "映像作…"}, {"映像作成", 6, "映像…"}, {"映像", 1, "…"},
	} {
		if got := shorten(test.s, test.limit); got != test.want {
			t.Errorf("%q in %d columns: got %q, want %q", test.s, test.limit, got, test.want)
		}
	}
}
