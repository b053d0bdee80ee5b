package images

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestBuilder_CheckRemote(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	f.AddImage(t, "golang:1.26", "sha256:go", nil)
	f.Pull = func(w http.ResponseWriter, ref string) {
		switch {
		case strings.Contains(ref, "down.example.com"):
			enginetest.Respond(w, http.StatusInternalServerError, map[string]string{"message": "Get https://down.example.com/v2/: dial tcp: no such host"})
		case strings.Contains(ref, "absent"):
			enginetest.Respond(w, http.StatusNotFound, map[string]string{"message": "manifest unknown"})
		default:
			enginetest.Respond(w, http.StatusOK, map[string]any{"Descriptor": map[string]any{}})
		}
	}
	statuses, err := fakeBuilder(t, f).CheckRemote(t.Context(), []Source{
		{Name: "go", Ref: "golang:1.26"}, {Name: "pg", Ref: "postgres:17"}, {Name: "again", Ref: "docker.io/library/postgres:17"},
		{Name: "a", Ref: "down.example.com/a:1"}, {Name: "b", Ref: "r.example.com/absent:1"},
	})
	enginetest.NoError(t, err)
	var got []string
	for _, s := range statuses {
		text := s.Source.Name + " " + s.Registry
		switch {
		case s.Local:
			text += " local"
		case s.Err != nil:
			text += " " + s.Err.Error()
		}
		got = append(got, text)
	}
	want := "go docker.io local\npg docker.io\n" +
		"a down.example.com down.example.com cannot be reached: Get https://down.example.com/v2/: dial tcp: no such host\n" +
		"b r.example.com r.example.com has no such image or denies access to it: manifest unknown"
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Errorf("CheckRemote() differs (-want +got):\n%s", diff)
	}
	if len(f.Pulled) > 0 {
		t.Errorf("got pulls %v, want none", f.Pulled)
	}
}
