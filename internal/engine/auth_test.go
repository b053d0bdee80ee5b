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
	bkauth "github.com/moby/buildkit/session/auth"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

// addHelper adds a credential helper to the PATH.
func addHelper(t *testing.T, name, script string) {
	t.Helper()
	bin := t.TempDir()
	enginetest.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func TestAuth_forHost(t *testing.T) {
	addHelper(t, "vault", `read host; echo '{"Username":"helper","Secret":"'$host'"}'`)
	hub := base64.StdEncoding.EncodeToString([]byte("me:pass"))
	for name, test := range map[string]struct{ config, ref, want string }{
		"docker login":                    {`{"auths":{"https://index.docker.io/v1/":{"auth":"` + hub + `"}}}`, "postgres:17", "me pass"},
		"other tools' name of Docker Hub": {`{"auths":{"docker.io":{"auth":"` + hub + `"}}}`, "postgres:17", "me pass"},
		"Docker Hub without a scheme":     {`{"auths":{"index.docker.io":{"auth":"` + hub + `"}}}`, "postgres:17", "me pass"},
		"helper":                          {`{"credHelpers":{"acme.example":"vault"}}`, "acme.example/a:1", "helper acme.example"},
		"helper for Docker Hub":           {`{"credHelpers":{"docker.io":"vault"}}`, "postgres:17", "helper https://index.docker.io/v1/"},
		"store":                           {`{"credsStore":"vault"}`, "acme.example/a:1", "helper acme.example"},
		"other registry":                  {`{"auths":{"acme.example":{"auth":"` + hub + `"}}}`, "other.example/a:1", " "},
		"no file":                         {"", "postgres:17", " "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.config != "" {
				enginetest.WriteFiles(t, dir, map[string]string{"config.json": test.config})
			}
			named, err := reference.ParseNormalizedNamed(test.ref)
			enginetest.NoError(t, err)
			got, err := newAuth(dir).forHost(t.Context(), reference.Domain(named))
			if err != nil || got.Username+" "+got.Password != test.want {
				t.Errorf("got %q, %v, want %q", got.Username+" "+got.Password, err, test.want)
			}
		})
	}
}

func TestAuth_Credentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"auths":{"https://index.docker.io/v1/":{"auth":"` +
		base64.StdEncoding.EncodeToString([]byte("<token>:")) + `","identitytoken":"refresh"}}}`})
	got, err := newAuth(dir).Credentials(t.Context(), &bkauth.CredentialsRequest{Host: hubHost})
	if err != nil || got.Username != "" || got.Secret != "refresh" {
		t.Errorf("got %v, %v, want the identity token without a user", got, err)
	}
}

func TestAuth_failedHelper(t *testing.T) {
	addHelper(t, "fails", "echo no keychain; exit 1")
	addHelper(t, "garbles", "echo hello")
	for name, test := range map[string]struct{ config, helper, problem string }{
		"missing store":   {`{"credsStore":"absent"}`, "docker-credential-absent", "executable file not found"},
		"missing helper":  {`{"credHelpers":{"acme.example":"absent","acme.test":"absent"}}`, "docker-credential-absent", "executable file not found"},
		"failing helper":  {`{"credsStore":"fails"}`, "docker-credential-fails", "no keychain"},
		"no JSON printed": {`{"credsStore":"garbles"}`, "docker-credential-garbles", "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			enginetest.WriteFiles(t, dir, map[string]string{"config.json": test.config})
			auth := newAuth(dir)
			for _, host := range []string{"acme.example", "acme.test"} {
				if got, err := auth.forHost(t.Context(), host); err != nil || got.Username != "" {
					t.Errorf("got %v, %v, want no credentials", got, err)
				}
				if err := auth.Failure(host); err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Errorf("got failure %v, want %s", err, test.problem)
				}
			}
			notes := strings.Join(auth.Notes(), "\n")
			for _, part := range []string{test.helper, test.problem, dir + "/config.json", "without credentials"} {
				if !strings.Contains(notes, part) || strings.Contains(notes, "\n") {
					t.Errorf("got notes %q, want one with %q", notes, part)
				}
			}
			if again := auth.Notes(); len(again) > 0 {
				t.Errorf("got notes %v again", again)
			}
		})
	}
}

func TestAuth_Header(t *testing.T) {
	dir, unlocked := t.TempDir(), filepath.Join(t.TempDir(), "unlocked")
	enginetest.NoError(t, syscall.Mkfifo(unlocked, 0o600))
	addHelper(t, "locked", "read answer <"+unlocked)
	t.Cleanup(func() {
		if pipe, err := os.OpenFile(unlocked, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = pipe.Close() // ends the helpers
		}
	})
	enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"credsStore":"locked"}`})
	named, err := reference.ParseNormalizedNamed("acme.example/a:1")
	enginetest.NoError(t, err)

	t.Run("gives up a helper that waits for a prompt", func(t *testing.T) {
		auth := newAuth(dir)
		auth.helperTimeout = 20 * time.Millisecond
		_, err := auth.Header(t.Context(), named)
		enginetest.NoError(t, err)
		if notes := strings.Join(auth.Notes(), "\n"); !strings.Contains(notes, "no response within 20ms") {
			t.Errorf("got notes %q, want the timeout", notes)
		}
		auth.helperTimeout = time.Hour // not waited for again
		if _, err := auth.Header(t.Context(), named); err != nil {
			t.Error(err)
		}
	})
	t.Run("stops when the run is canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newAuth(dir).Header(ctx, named); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
