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
		made, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Binaries: []Binary{b}}, nil)
		if err != nil || made[0].ID != "sha256:loaded" {
			t.Fatal(made, err)
		}
		for _, load := range f.Loads {
			loads = append(loads, string(load))
		}
	}
	if len(loads) != 2 || loads[0] != loads[1] {
		t.Error("the same executable gave two images")
	}
	if _, err := (Binary{Repository: "acme/probe", Path: "/bin/sh"}).describe(); err == nil || !strings.Contains(err.Error(), "linked dynamically") {
		t.Errorf("a dynamic executable: %v", err)
	}
}
