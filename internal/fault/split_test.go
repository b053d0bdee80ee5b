package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	one, two, three := errors.New("one"), errors.New("two"), errors.New("three")
	both := fmt.Errorf("%w, and undoing it failed: %w", one, two)
	for name, test := range map[string]struct {
		err  error
		want []error
	}{
		"no error":                    {nil, nil},
		"one error":                   {one, []error{one}},
		"joined errors":               {errors.Join(one, errors.Join(two, nil, three)), []error{one, two, three}},
		"a sentence about two errors": {errors.Join(both, three), []error{both, three}},
	} {
		got := Split(test.err)
		if len(got) != len(test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] { //nolint:errorlint // the very same error
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
	}
}
