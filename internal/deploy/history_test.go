package deploy

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/release"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]release.Revision{
		"ada@laptop": {User: "ada", Host: "laptop"}, "ada": {User: "ada"}, "": {},
	} {
		if got := writer(r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
