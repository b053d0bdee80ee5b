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

	t.Run("names what changed since the image that was built here", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.AddImage(t, "golang:1.26", "sha256:go1", nil, "sha256:layer")
		build := inputs.Build{Name: "auth", Repository: "acme/auth", Context: t.TempDir(), Bases: map[string]string{"GO_IMAGE": "golang:1.26"}}
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nCOPY main.go .\n", "main.go": "1"})
		b := NewBuilder(connect(t, f), Options{StateDir: t.TempDir(), Project: "shop"})
		reason := func() string {
			t.Helper()
			status, err := b.Observe(t.Context(), Set{Builds: []inputs.Build{build}})
			enginetest.NoError(t, err)
			return status.Images[0].Reason
		}
		if got := reason(); got != "not built yet for these inputs" {
			t.Errorf("got %q before the first build", got)
		}
		id, err := b.newLookup().cache.Identify(t.Context(), build)
		enginetest.NoError(t, err)
		enginetest.NoError(t, b.causes.Record(causeName(build), id.Ref, id.Inputs.Manifest()))
		f.AddImage(t, id.Ref, "sha256:built", nil)
		if got := reason(); got != "" {
			t.Errorf("got %q for a built image", got)
		}
		for _, step := range []struct {
			change func()
			want   string
		}{
			{func() { f.AddImage(t, "golang:1.26", "sha256:go2", nil, "sha256:layer") }, "base golang:1.26 moved"},
			{func() { build.Args = map[string]string{"GIT_SHA": "abc"} }, "base golang:1.26 moved; argument GIT_SHA added"},
			{func() { build.Platform = "linux/arm64" }, "base golang:1.26 moved; argument GIT_SHA added; platform changed"},
			{func() { build.Platform, build.Args = "", nil }, "base golang:1.26 moved"},
			{func() { enginetest.WriteFiles(t, build.Context, map[string]string{"main.go": "2"}) }, "base golang:1.26 moved; main.go changed"},
			{func() {
				enginetest.WriteFiles(t, build.Context, map[string]string{"main.go": "1", "Dockerfile": "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nCOPY main.go /\n"})
			}, "base golang:1.26 moved; Dockerfile line 3 (COPY) changed"},
		} {
			step.change()
			if got := reason(); got != step.want {
				t.Errorf("got %q, want %q", got, step.want)
			}
		}
	})
}
