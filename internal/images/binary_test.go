package images

import (
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestBinary(t *testing.T) {
	t.Parallel()
	path := enginetest.StaticBinary(t)
	b := Binary{Repository: "acme/probe", Path: path}
	var loads []string
	for range 2 {
		f := enginetest.New(t)
		images, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Binaries: []Binary{b}}, nil)
		if err != nil || images[0].ID != "sha256:loaded" {
			t.Fatalf("got %+v, %v, want the loaded image", images, err)
		}
		for _, load := range f.Loads {
			loads = append(loads, string(load))
		}
	}
	if len(loads) != 2 || loads[0] != loads[1] {
		t.Error("got two images from one executable, want the same")
	}
	if _, err := (Binary{Repository: "acme/probe", Path: "/bin/sh"}).describe(); err == nil || !strings.Contains(err.Error(), "dynamically linked") {
		t.Errorf("got %v, want an error for a dynamic executable", err)
	}
}
