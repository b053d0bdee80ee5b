package images

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
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

	t.Run("pulls base images again on request", func(t *testing.T) {
		t.Parallel()
		f, dir := enginetest.New(t), t.TempDir()
		f.AddImage(t, "acme.example/a:1", "sha256:old", nil, "sha256:1")
		f.Pull = enginetest.RefusePull(http.StatusInternalServerError, noHost)
		enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": "FROM acme.example/a:1 AS one\nFROM acme.example/a:1\nCOPY --from=one /a /a\n"})
		set := Set{Builds: []inputs.Build{{Name: "web", Repository: "web", Context: dir}}}
		b := NewBuilder(connect(t, f), Options{Pull: true})
		status, err := b.Observe(t.Context(), set)
		if err != nil || status.Images[0].Present {
			t.Errorf("got %+v, %v, want a missing image", status, err)
		}
		_, err = b.Ensure(t.Context(), set, nil)
		if len(f.Pulled) != 1 || err == nil || !strings.Contains(err.Error(), "pull image acme.example/a:1 again: acme.example cannot be reached") || !strings.Contains(fault.HintOf(err), "omit --pull") {
			t.Errorf("got pulls %v, %v with hint %q", f.Pulled, err, fault.HintOf(err))
		}
	})

	t.Run("pulls without credentials if their helper is missing", func(t *testing.T) {
		t.Parallel()
		f, dir := enginetest.New(t), t.TempDir()
		enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"credsStore": "tkdeploy-absent"}`})
		e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: dir})
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		b := NewBuilder(e, Options{})
		set := Set{Sources: []Source{{Name: "a", Ref: "acme.example/a:1"}, {Name: "b", Ref: "acme.test/b:1"}}}

		f.Pull = enginetest.RefusePull(http.StatusInternalServerError, "unauthorized: log in")
		_, err = b.Ensure(t.Context(), set, nil)
		if err == nil || !strings.Contains(err.Error(), "acme.example has no such image or denies access to it (credential helper docker-credential-tkdeploy-absent of "+dir) {
			t.Errorf("got %v, want the refusal and the missing helper", err)
		}
	})

	t.Run("warns of a missing credential helper once", func(t *testing.T) {
		t.Parallel()
		f, dir := enginetest.New(t), t.TempDir()
		f.Pull = f.AllowPull(t)
		enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"credsStore": "tkdeploy-absent"}`})
		e, err := engine.Connect(t.Context(), engine.Options{Getenv: f.Getenv, ConfigDir: dir})
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		var log enginetest.EventLog
		_, err = NewBuilder(e, Options{}).Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "acme.example/a:1"}, {Name: "b", Ref: "acme.test/b:1"}}}, &log)
		enginetest.NoError(t, err)
		if got := log.Messages(event.Warning); strings.Count(got, "pulled without credentials") != 1 || len(f.Pulled) != 2 {
			t.Errorf("got warnings %q and pulls %v, want one warning and two pulls", got, f.Pulled)
		}
	})

	t.Run("names the line that selects a frontend", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.Pull = enginetest.RefusePull(http.StatusInternalServerError, noHost)
		dir := t.TempDir()
		enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": "# escape=\\\n# syntax=docker/dockerfile:1.999\nFROM scratch\n"})
		_, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Builds: []inputs.Build{{Name: "web", Repository: "web", Context: dir}}}, nil)
		want := dir + "/Dockerfile:2: get frontend image docker/dockerfile:1.999: not present, and docker.io cannot be reached"
		if fault.ClassOf(err) != fault.Build || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v of class %s, want %s", err, fault.ClassOf(err), want)
		}
		if hint := fault.HintOf(err); !strings.Contains(hint, "tkdeploy's own frontend") {
			t.Errorf("got hint %q", hint)
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

	t.Run("pulls by digest", func(t *testing.T) {
		t.Parallel()
		digest := "sha256:" + strings.Repeat("ab", 32)
		for ref, want := range map[string]string{
			"acme.example/a:1@" + digest: "acme.example/a 1@" + digest,
			"acme.example/a@" + digest:   "acme.example/a@sha256 " + strings.Repeat("ab", 32),
		} {
			f := enginetest.New(t)
			f.Pull = f.AllowPull(t)
			set := Set{Sources: []Source{{Name: "a", Ref: ref}}}
			got, err := fakeBuilder(t, f).Ensure(t.Context(), set, nil)
			enginetest.NoError(t, err)
			if image := got[0]; image.Ref != "acme.example/a@"+digest || image.Repository+" "+image.Tag != want || f.Pulled[0] != image.Ref {
				t.Errorf("%s: got %+v with pull %s, want one image with the digest", ref, image, f.Pulled[0])
			}
			if _, err := fakeBuilder(t, f).Ensure(t.Context(), set, nil); err != nil || len(f.Pulled) != 1 {
				t.Errorf("%s: got pulls %v, %v, want no second pull", ref, f.Pulled, err)
			}
		}
	})

	t.Run("runs no recipe after a part of a pull", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		stalled := make(chan struct{})
		t.Cleanup(func() { close(stalled) })
		f.Pull = func(w http.ResponseWriter, _ string) {
			_, _ = w.Write([]byte(`{"status":"Pulling from library/a"}` + "\n"))
			w.(http.Flusher).Flush()
			<-stalled
		}
		b := NewBuilder(connect(t, f), Options{PullIdleTimeout: 20 * time.Millisecond})
		_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1", Recipe: recipe(t, "exit 7")}}}, nil)
		if err == nil || strings.Contains(err.Error(), "recipe") || !strings.Contains(err.Error(), "pull image a:1: docker.io cannot be reached: no response") ||
			!strings.Contains(fault.HintOf(err), "pull.idleTimeout") {
			t.Errorf("got %v with hint %q, want the interrupted pull", err, fault.HintOf(err))
		}
	})

	t.Run("does not blame a registry for a canceled run", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		t.Cleanup(func() { close(ended) })
		f.Pull = func(http.ResponseWriter, string) { cancel(); <-ended }
		b := fakeBuilder(t, f)
		set := []Source{{Name: "a", Ref: "a:1", Recipe: recipe(t, "exit 7")}}
		if _, err := b.Ensure(ctx, Set{Sources: set}, nil); !errors.Is(err, context.Canceled) || b.registries.host("docker.io").down != nil {
			t.Errorf("got %v, want %v and a registry that is not down", err, context.Canceled)
		}
		other, cancelOther := context.WithCancel(t.Context())
		f.Pull = func(http.ResponseWriter, string) { cancelOther(); <-ended }
		if _, err := b.CheckRemote(other, set); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
