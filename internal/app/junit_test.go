package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAnInterruptedRunHasItsJUnitReport(t *testing.T) {
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
		"chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
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
	report := filepath.Join(dir, "junit.xml")
	args := []string{"tkdeploy", "up", "--config", filepath.Join(dir, "tkdeploy.yaml"), "--junit", report}
	if got := Main(ctx, args, Streams{Out: &out, Err: &errs}); got != 143 {
		t.Errorf("got status %d\n%s", got, errs.String())
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`tests="8" failures="0"`, `warning: stopping`, `<skipped message="canceled">`, `<skipped message="blocked: needs engine">`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
}
