package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestAuth_forHost(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	helper := filepath.Join(bin, "docker-credential-vault")
	enginetest.NoError(t, os.WriteFile(helper, []byte("#!/bin/sh\nread host\necho '{\"Username\":\"helper\",\"Secret\":\"'$host'\"}'\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"auths":{"https://index.docker.io/v1/":{"auth":"` +
		base64.StdEncoding.EncodeToString([]byte("me:pass")) + `"}},"credHelpers":{"acme.example":"vault"}}`})
	for ref, want := range map[string]string{
		"postgres:17": "me pass", "acme.example/a:1": "helper acme.example", "other.example/a:1": " ",
	} {
		named, err := reference.ParseNormalizedNamed(ref)
		enginetest.NoError(t, err)
		got, err := Auth{dir: dir}.forHost(t.Context(), reference.Domain(named))
		if err != nil || got.Username+" "+got.Password != want {
			t.Errorf("%s: got %q, %v, want %q", ref, got.Username+" "+got.Password, err, want)
		}
	}
}

func TestAuth_Header(t *testing.T) {
	bin, dir, unlocked := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "unlocked")
	enginetest.NoError(t, syscall.Mkfifo(unlocked, 0o600))
	helper := filepath.Join(bin, "docker-credential-locked")
	enginetest.NoError(t, os.WriteFile(helper, []byte("#!/bin/sh\nread answer <"+unlocked+"\n"), 0o755))
	t.Cleanup(func() {
		if pipe, err := os.OpenFile(unlocked, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = pipe.Close() // ends the helpers
		}
	})
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"credsStore":"locked"}`})
	named, err := reference.ParseNormalizedNamed("acme.example/a:1")
	enginetest.NoError(t, err)

	t.Run("gives up a helper that waits for a prompt", func(t *testing.T) {
		_, err := Auth{dir: dir, helperTimeout: 20 * time.Millisecond}.Header(t.Context(), named)
		if !errors.Is(err, errHelperTimeout) || fault.ClassOf(err) != fault.Environment || !strings.Contains(fault.HintOf(err), "docker login") {
			t.Errorf("got %v of class %s, want %v", err, fault.ClassOf(err), errHelperTimeout)
		}
	})
	t.Run("stops when the run is canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := (Auth{dir: dir}).Header(ctx, named); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
