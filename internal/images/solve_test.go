package images

import (
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestBuilder_buildError(t *testing.T) {
	t.Parallel()
	t.Run("names a full disk", func(t *testing.T) {
		t.Parallel()
		b := fakeBuilder(t, enginetest.New(t))
		for _, text := range []string{"RUN go build: write /out: no space left on device", "RUN make: exit code: 1\n  cat: write error: No space left on device"} {
			err := b.buildError(t.Context(), "auth", errors.New(text))
			if hint := fault.HintOf(err); !strings.Contains(hint, "(/data/docker) is full") || fault.ClassOf(err) != fault.Build {
				t.Errorf("got class %q and hint %q, want class %q and the full disk", fault.ClassOf(err), hint, fault.Build)
			}
		}
	})
}
