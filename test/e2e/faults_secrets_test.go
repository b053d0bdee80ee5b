//go:build e2e

package e2e

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testCredential adds a .env that the Dockerfile copies. The run must stop before it builds,
// and must not print the content.
func (p *project) testCredential(t *testing.T) {
	path := filepath.Join(p.dir, "web", ".env")
	writeFile(t, path, "DB_PASSWORD=hunter2\n")
	defer os.Remove(path)
	before := imageIDs(t, "shop-web")
	got := p.run(t, "up").wantExit(t, 3).wantStderr(t, "web/.env is an environment file with values", ".dockerignore", "build.allow")
	if strings.Contains(got.stdout+got.stderr, "hunter2") {
		t.Errorf("got output with the content of web/.env, want none:\n%s%s", got.stdout, got.stderr)
	}
	if after := imageIDs(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("got images %s, want %s", after, before)
	}
}

// testRejectedSecret deploys a Secret that the API server rejects. No output or file of the
// run may contain its value, plain or base64.
func (p *project) testRejectedSecret(t *testing.T) {
	const canary = "canary-of-a-rejected-secret-2c41"
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	p.addManifest(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: rejected}\ndata: {\"no/key\": "+encoded+"}\n")
	dir := filepath.Join(t.TempDir(), "bundle")
	got := p.run(t, "up", "--diagnostics", dir).wantExit(t, 13).wantStderr(t, "rejected")
	outputs := map[string]string{"stdout": got.stdout, "stderr": got.stderr}
	for _, root := range []string{dir, filepath.Join(p.state, "tkdeploy")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				outputs[path] = readFile(t, path)
			}
			return nil // files of volumes may disappear
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, text := range outputs {
		for _, form := range []string{canary, encoded} {
			if strings.Contains(text, form) {
				t.Errorf("got %s in %s, want no part of the Secret", form, name)
			}
		}
	}
}
