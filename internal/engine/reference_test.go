package engine

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestNewImage(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("ab", 32)
	for ref, want := range map[string]struct{ node, repository, tag string }{
		"web:1":                         {"docker.io/library/web:1", "web", "1"},
		"r:5000/web:1":                  {"r:5000/web:1", "r:5000/web", "1"},
		"web:1@sha256:" + digest:        {"docker.io/library/web@sha256:" + digest, "web", "1@sha256:" + digest},
		"r:5000/web@sha256:" + digest:   {"r:5000/web@sha256:" + digest, "r:5000/web@sha256", digest},
		"r:5000/web:1@sha256:" + digest: {"r:5000/web@sha256:" + digest, "r:5000/web", "1@sha256:" + digest},
	} {
		got := NewImage("web", ref, &image.InspectResponse{ID: "sha256:1"})
		if got.Ref != want.node || got.Repository != want.repository || got.Tag != want.tag {
			t.Errorf("%s: got %s, %s, %s, want %+v", ref, got.Ref, got.Repository, got.Tag, want)
		}
		if joined := got.Repository + ":" + got.Tag; joined != ref {
			t.Errorf("%s: got %s of repository and tag", ref, joined)
		}
	}
}

func TestEngine_Inspect(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	digest := "sha256:" + strings.Repeat("ab", 32)
	f.AddImage(t, "web@"+digest, "sha256:1", nil)
	found, err := connect(t, f).Inspect(t.Context(), "web:1@"+digest)
	if err != nil || found == nil || found.ID != "sha256:1" {
		t.Errorf("got %v, %v, want the image with the digest", found, err)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	one, two := "@sha256:"+strings.Repeat("ab", 32), "@sha256:"+strings.Repeat("cd", 32)
	found := &image.InspectResponse{RepoDigests: []string{"web" + one, "web" + two, "r:5000/web" + one}}
	for ref, want := range map[string]string{
		"web:1":             "docker.io/library/web" + one + " docker.io/library/web" + two,
		"web:1" + one:       "docker.io/library/web" + two,
		"r:5000/web:1":      "r:5000/web" + one,
		"r:5000/other:1":    "",
		"docker.io/acme:12": "",
	} {
		if got := strings.Join(Aliases(ref, found), " "); got != want {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
}
