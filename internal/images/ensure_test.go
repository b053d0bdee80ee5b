package images

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestBuilder_Ensure_failure(t *testing.T) {
	t.Parallel()
	t.Run("reports a failure at once and stops the other images", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		ended := make(chan struct{})
		f.Pull = func(w http.ResponseWriter, ref string) {
			if strings.HasPrefix(ref, "bad") {
				enginetest.Respond(w, http.StatusNotFound, map[string]string{"message": "manifest unknown"})
				return
			}
			_, _ = w.Write([]byte(`{"status":"Pulling from library/slow"}` + "\n"))
			w.(http.Flusher).Flush()
			<-ended
		}
		t.Cleanup(func() { close(ended) })
		sleeps := "exec sleep 600" // ends by SIGTERM
		b := NewBuilder(connect(t, f), Options{PullGrace: time.Millisecond, BuildGrace: time.Hour})
		set := Set{Sources: []Source{{Name: "slow", Ref: "slow.example/slow:1"}, {Name: "bad", Ref: "bad.example/bad:1"}, {Name: "recipe", Ref: "recipe.example/r:1", Recipe: recipe(t, sleeps)}}}
		f.AddImage(t, "recipe.example/r:1", "sha256:r", map[string]string{"dev.tkdeploy.recipe": "old"})
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), set, &log)
		if err == nil || !strings.HasPrefix(err.Error(), "get image bad.example/bad:1") || strings.Contains(err.Error(), "slow") || strings.Contains(err.Error(), "canceled") {
			t.Errorf("got %v, want only the failure", err)
		}
		if got, want := log.Outcomes(), "bad=failed+0 recipe=canceled+0 slow=canceled+0"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, e := range log.Events {
			if e.Kind == event.ItemFinished {
				if e.Item != "bad" || e.Err == nil {
					t.Errorf("got %s with error %v first, want the failure", e.Item, e.Err)
				}
				break
			}
		}
	})

	t.Run("explains once what a context without an ignore file carries", func(t *testing.T) {
		t.Parallel()
		build := inputs.Build{Name: "web", Repository: "web", Context: t.TempDir()}
		enginetest.WriteFiles(t, build.Context, map[string]string{"Dockerfile": "FROM scratch\nCOPY . .\n", ".git/HEAD": "x", "tkdeploy.yaml": "x"})
		b := NewBuilder(connect(t, enginetest.New(t)), Options{Configuration: []string{filepath.Join(build.Context, "tkdeploy.yaml")}})
		var log enginetest.EventLog
		for range 2 {
			if _, err := b.Ensure(t.Context(), Set{Builds: []inputs.Build{build}}, &log); err == nil {
				t.Error("got no error from an engine without BuildKit")
			}
		}
		if got := log.Messages(event.Warning); strings.Count(got, "web: rebuilt by") != 1 || !strings.HasSuffix(got, ".dockerignore: .git tkdeploy.yaml") {
			t.Errorf("got warnings %q, want one with the lines", got)
		}
	})
}
