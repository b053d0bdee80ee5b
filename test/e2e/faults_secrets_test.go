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

// credential: a .env in a context that is copied whole stops the run before
// anything is built, and its content is not told.
func (p *project) testCredential(t *testing.T) {
	path := filepath.Join(p.dir, "web", ".env")
	writeFile(t, path, "DB_PASSWORD=hunter2\n")
	defer os.Remove(path)
	before := imageIDs(t, "shop-web")
	got := p.run(t, "up").wantExit(t, 3).wantStderr(t, "web/.env is an environment file with values", ".dockerignore", "build.allow")
	if strings.Contains(got.stdout+got.stderr, "hunter2") {
		t.Errorf("the content is told:\n%s", got.stderr)
	}
	if after := imageIDs(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("images before: %s, and after: %s", before, after)
	}
}

// rejectedSecret has a Secret in the chart that the API server does not take.
func (p *project) testRejectedSecret(t *testing.T) {
	const canary = "canary-of-a-rejected-secret-2c41"
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	p.replaceInFile(t, "chart/templates/web.yaml", "apiVersion: apps/v1\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: rejected}\ndata: {\"no/key\": "+encoded+"}\n---\napiVersion: apps/v1\n")
	dir := filepath.Join(t.TempDir(), "bundle")
	got := p.run(t, "up", "--diagnostics", dir).wantExit(t, 13).wantStderr(t, "rejected")
	outputs := map[string]string{"stdout": got.stdout, "stderr": got.stderr}
	for _, root := range []string{dir, filepath.Join(p.state, "tkdeploy")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				outputs[path] = readFile(t, path)
			}
			return nil // volumes may come and go
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, text := range outputs {
		for _, form := range []string{canary, encoded} {
			if strings.Contains(text, form) {
				t.Errorf("%s has %s", name, form)
			}
		}
	}
}
