package images

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestBuilder_Observe(t *testing.T) {
	t.Parallel()
	t.Run("reports a missing base image", func(t *testing.T) {
		t.Parallel()
		build := inputs.Build{Name: "auth", Repository: "acme/auth", Context: t.TempDir(), Bases: map[string]string{"GO_IMAGE": "golang:1.26"}}
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "ARG GO_IMAGE\nFROM ${GO_IMAGE}\n"})
		status, err := fakeBuilder(t, enginetest.New(t)).Observe(t.Context(), Set{Builds: []inputs.Build{build}})
		if err != nil || status.Images[0].Reason != "missing base image docker.io/library/golang:1.26" {
			t.Errorf("got %+v, %v, want the missing base image", status, err)
		}
	})
}
