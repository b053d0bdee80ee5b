package images

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const noHost = `Get "https://docker.io/v2/": dial tcp: lookup docker.io on 10.0.0.1:53: no such host`

func TestEnsurePulls(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	f.pull = f.givePull(t)
	b := fakeBuilder(t, f)
	set := Set{Sources: []Source{{Name: "postgres", Ref: "postgres:17"}}}
	var log eventLog
	if _, err := b.Ensure(t.Context(), set, &log); err != nil {
		t.Fatal(err)
	}
	if log.outcomes() != "postgres=done+1" || log.messages(event.ItemFinished) != "pulled" {
		t.Errorf("%s: %s", log.outcomes(), log.messages(event.ItemFinished))
	}
	if got := log.causes(); got != "postgres: not here" {
		t.Errorf("causes %s", got)
	}
	if got := log.messages(event.ItemProgress); !strings.Contains(got, "pull: Downloading") {
		t.Errorf("progress: %s", got)
	}
	log = eventLog{}
	if _, err := b.Ensure(t.Context(), set, &log); err != nil || log.outcomes() != "postgres=unchanged+0" || len(f.pulled) != 1 {
		t.Errorf("again: %v, %s, pulled %v", err, log.outcomes(), f.pulled)
	}
}

func TestAnUnreachableRegistryIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	f.pull = refusePull(http.StatusInternalServerError, noHost)
	b := fakeBuilder(t, f)
	set := Set{Sources: []Source{{Name: "a", Ref: "a:1"}, {Name: "b", Ref: "b:1"}, {Name: "c", Ref: "acme.example/c:1"}}}
	_, err := b.Ensure(t.Context(), set, nil)
	if fault.ClassOf(err) != fault.Build || !strings.Contains(fault.HintOf(err), "recipe") {
		t.Errorf("class %q, hint %q", fault.ClassOf(err), fault.HintOf(err))
	}
	for _, part := range []string{"get image a:1: it is not here, docker.io cannot be reached", "get image b:1", "get image acme.example/c:1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if len(f.pulled) != 2 {
		t.Errorf("asked for %v, want one of docker.io and one of acme.example", f.pulled)
	}
}

func TestAMissingImageDoesNotCondemnItsRegistry(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	f.pull = refusePull(http.StatusNotFound, "manifest for a:1 not found: manifest unknown")
	b := fakeBuilder(t, f)
	_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}, {Name: "b", Ref: "b:1"}}}, nil)
	if len(f.pulled) != 2 || !strings.Contains(err.Error(), "docker.io has no such image") {
		t.Errorf("pulled %v; %v", f.pulled, err)
	}
}

func TestASilentPullIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	release := make(chan struct{})
	f.pull = func(http.ResponseWriter, string) { <-release }
	t.Cleanup(func() { close(release) })
	b := NewBuilder(connectFake(t, f), BuilderOptions{PullStartTimeout: 20 * time.Millisecond})
	_, err := b.Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "docker.io cannot be reached: no answer") {
		t.Error(err)
	}
}

func TestAFailureAmongAPullsMessagesCounts(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	f.pull = func(w http.ResponseWriter, _ string) {
		_, _ = w.Write([]byte(`{"status":"Pulling"}` + "\n" + `{"errorDetail":{"message":"unauthorized: log in"},"error":"unauthorized"}` + "\n"))
	}
	_, err := fakeBuilder(t, f).Ensure(t.Context(), Set{Sources: []Source{{Name: "a", Ref: "a:1"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "unauthorized: log in") {
		t.Error(err)
	}
}

// TestCredentials has a helper that speaks the protocol of
// docker-credential-helpers and a config with the credentials in it.
func TestCredentials(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	helper := filepath.Join(bin, "docker-credential-vault")
	do(t, os.WriteFile(helper, []byte("#!/bin/sh\nread host\necho '{\"Username\":\"helper\",\"Secret\":\"'$host'\"}'\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	write(t, dir, map[string]string{"config.json": `{"auths":{"https://index.docker.io/v1/":{"auth":"` +
		base64.StdEncoding.EncodeToString([]byte("me:pass")) + `"}},"credHelpers":{"acme.example":"vault"}}`})
	for ref, want := range map[string]string{
		"postgres:17": "me pass", "acme.example/a:1": "helper acme.example", "other.example/a:1": " ",
	} {
		named, err := reference.ParseNormalizedNamed(ref)
		do(t, err)
		got, err := Auth{dir: dir}.of(reference.Domain(named))
		if err != nil || got.Username+" "+got.Password != want {
			t.Errorf("%s: %q, %v; want %q", ref, got.Username+" "+got.Password, err, want)
		}
	}
}
