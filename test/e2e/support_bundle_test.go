//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testSupportBundle makes the app print a Secret and crash. The Secret is not part of the release.
func (p *project) testSupportBundle(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	const canary = "canary-of-the-bundle-7d0c"
	secrets := p.kube(t).CoreV1().Secrets("shop")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "canary"}, StringData: map[string]string{"key": canary}}
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := secrets.Delete(context.Background(), "canary", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database "+canary, "--diagnostics", dir).wantExit(t, 14)
	got.wantStderr(t, "was rolled back", "support bundle: "+dir)
	files := readBundle(t, dir)
	for name, parts := range map[string][]string{
		"index.md":              {"# tkdeploy up --env test failed with exit code 14", "- rollback: succeeded", "no such database", "web.previous.log"},
		"events.jsonl":          {`"kind":"run.finished"`},
		"plan.json":             {`"id": "rollout"`},
		"status.json":           {`"phase": "running"`},
		"history.json":          {`"revisions"`},
		"doctor.json":           {`"checks"`},
		"namespace/events.txt":  {"BackOff"},
		"namespace/secrets.txt": {"canary", "key"},
		"cluster/nodes.yaml":    {"kind: Node"},
		"nodes/shop-e2e-control-plane/kubelet.log": {"kubelet"},
	} {
		wantContains(t, name, files[name], parts...)
	}
	previous := 0
	for name, text := range files {
		if strings.HasSuffix(name, "/web.previous.log") && strings.Contains(text, "no such database [redacted]") {
			previous++
		}
		if strings.Contains(text, canary) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(canary))) {
			t.Errorf("got the Secret in %s, want it redacted:\n%s", name, text)
		}
	}
	if previous == 0 {
		t.Errorf("got no redacted log of the previous container, want one:\n%s", files["index.md"])
	}
}

func readBundle(t *testing.T, dir string) map[string]string {
	t.Helper()
	roots, err := os.ReadDir(dir)
	if err != nil || len(roots) != 1 {
		t.Fatalf("got %d bundles in %s, error %v, want 1", len(roots), dir, err)
	}
	root := filepath.Join(dir, roots[0].Name())
	files := map[string]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = readFile(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
