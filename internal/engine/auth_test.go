package engine

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
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
		got, err := Auth{dir: dir}.forHost(reference.Domain(named))
		if err != nil || got.Username+" "+got.Password != want {
			t.Errorf("%s: got %q, %v, want %q", ref, got.Username+" "+got.Password, err, want)
		}
	}
}
