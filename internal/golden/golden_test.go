package golden

import (
	"fmt"
	"path/filepath"
	"testing"
)

// recorder is a testing.TB that records whether the test failed.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.golden")
	for _, tt := range []struct {
		got    string
		update bool
		fails  bool
	}{{"a\n", true, false}, {"a\n", false, false}, {"b\n", false, true}, {"b\n", true, false}} {
		r := &recorder{TB: t}
		Compare(r, path, tt.got, tt.update)
		if failed := len(r.errors) > 0; failed != tt.fails {
			t.Errorf("Compare of %q, update %t: got errors %q, want failure %t", tt.got, tt.update, r.errors, tt.fails)
		}
	}
}
