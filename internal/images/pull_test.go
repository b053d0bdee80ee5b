package images

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const noHost = `Get "https://docker.io/v2/": dial tcp: lookup docker.io on 10.0.0.1:53: no such host`

func TestBuilder_Ensure_pull(t *testing.T) {
	t.Parallel()
	t.Run("pulls a missing image", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.Pull = f.AllowPull(t)
		b := fakeBuilder(t, f)
		set := Set{Sources: []Source{{Name: "postgres", Ref: "postgres:17"}}}
		var log enginetest.EventLog
		_, err := b.Ensure(t.Context(), set, &log)
		enginetest.NoError(t, err)
		if log.Outcomes() != "postgres=done+1" || log.Messages(event.ItemFinished) != "pulled" {
			t.Errorf("got %s: %s, want one pull", log.Outcomes(), log.Messages(event.ItemFinished))
		}
		if got := log.Reasons(); got != "postgres: not present" {
			t.Errorf("got reasons %q", got)
		}
		if got := log.Messages(event.ItemProgress); !strings.Contains(got, "pull: Downloading") {
			t.Errorf("got progress %q, want the download", got)
		}
		log = enginetest.EventLog{}
		if _, err := b.Ensure(t.Context(), set, &log); err != nil || log.Outcomes() != "postgres=unchanged+0" || len(f.Pulled) != 1 {
			t.Errorf("second run: got %v, %s, pulls %v, want no change", err, log.Outcomes(), f.Pulled)
		}
	})

	t.Run("tries an unreachable registry once", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.Pull = enginetest.RefusePull(http.StatusInternalServerError, noHost)
		b := fakeBuilder(t, f)
		set := Set{Sources: []Source{{Name: "a", Ref: "a:1"}, {Name: "b", Ref: "b:1"}, {Name: "c", Ref: "acme.example/c:1"}}}
		_, err := b.Ensure(t.Context(), set, nil)
		if fault.ClassOf(err) != fault.Build || !strings.Contains(fault.HintOf(err), "recipe") {
			t.Errorf("got class %q and hint %q, want class %q and a recipe hint", fault.ClassOf(err), fault.HintOf(err), fault.Build)
		}
		for _, part := range []string{"get image a:1: not present, and docker.io cannot be reached", "get image b:1", "get image acme.example/c:1"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want it to contain %q", err, part)
			}
		}
		if len(f.Pulled) != 2 {
			t.Errorf("got pulls %v, want one from docker.io and one from acme.example", f.Pulled)
		}
	})

	t.Run("tries a registry again after a missing image", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.Pull = enginetest.RefusePull(http.StatusNotFound, "manifest for a:1 not found: manifest unknown")
		b := fakeBuilder(t, f)
		_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}, {Name: "b", Ref: "b:1"}}}, nil)
		if len(f.Pulled) != 2 || !strings.Contains(err.Error(), "docker.io has no such image") {
			t.Errorf("got pulls %v, %v, want two pulls", f.Pulled, err)
		}
	})

	t.Run("gives up on a silent registry", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		release := make(chan struct{})
		f.Pull = func(http.ResponseWriter, string) { <-release }
		t.Cleanup(func() { close(release) })
		b := NewBuilder(connect(t, f), Options{PullStartTimeout: 20 * time.Millisecond})
		_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}}}, nil)
		if err == nil || !strings.Contains(err.Error(), "docker.io cannot be reached: no response") {
			t.Errorf("got %v, want a timeout", err)
		}
	})

	t.Run("returns an error in the stream", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.Pull = func(w http.ResponseWriter, _ string) {
			_, _ = w.Write([]byte(`{"status":"Pulling"}` + "\n" + `{"errorDetail":{"message":"unauthorized: log in"},"error":"unauthorized"}` + "\n"))
		}
		_, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}}}, nil)
		if err == nil || !strings.Contains(err.Error(), "unauthorized: log in") {
			t.Errorf("got %v, want the error in the stream", err)
		}
	})
}
