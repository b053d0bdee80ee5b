package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestMain_interruptedRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, text := range map[string]string{
		"tkdeploy.yaml": `apiVersion: tkdeploy.dev/v1
name: shop
chart: {path: chart, release: shop, namespace: shop}
environments:
  dev:
    cluster: {kind: {name: shop-dev, image: {ref: "kindest/node:v1.37.0"}}}
`,
		"chart/Chart.yaml":       "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
		"chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Interrupted{syscall.SIGTERM})
	var out, errs bytes.Buffer
	junit, page := filepath.Join(dir, "junit.xml"), filepath.Join(dir, "report.html")
	args := []string{"tkdeploy", "up", "--config", filepath.Join(dir, "tkdeploy.yaml"), "--junit", junit, "--report", page, "--timings"}
	if got := Main(ctx, args, Streams{Out: &out, Err: &errs}); got != 143 {
		t.Errorf("got exit code %d, want 143\n%s", got, errs.String())
	}
	for path, parts := range map[string][]string{
		junit: {`tests="8" failures="0"`, `warning: shutting down`, `<skipped message="canceled">`, `<skipped message="blocked: needs engine">`},
		page:  {`<h1>tkdeploy up --env dev: <span class="canceled">canceled</span></h1>`, "Exit code 143", `<g class="canceled">`, "<li>shutting down;"},
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("got %s without %s:\n%s", path, part, text)
			}
		}
	}
	table, end, found := strings.Cut(errs.String(), "critical path:")
	if !found || !strings.Contains(table, "canceled") || !strings.Contains(end, "tkdeploy: stopped by") {
		t.Errorf("got no timings between the stages and the reason:\n%s", errs.String())
	}
}

func TestMain_controlCharacters(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	Main(t.Context(), []string{"tkdeploy", "up", "--config", "no\x1b]0;owned\a-file.yaml"}, Streams{Out: &out, Err: &errs})
	if got := errs.String(); strings.ContainsAny(got, "\x1b\a") || !strings.Contains(got, "-file.yaml") {
		t.Errorf("got %q, want the path without control characters", got)
	}
}
