//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func slowTests() bool { return os.Getenv("TKDEPLOY_E2E_FAULTS") == "all" }

func slow(test func(*testing.T)) func(*testing.T) { return slowUnless(false, test) }

// slowUnless skips test unless it is picked or slow tests run.
func slowUnless(picked bool, test func(*testing.T)) func(*testing.T) {
	if picked || slowTests() {
		return test
	}
	return func(t *testing.T) { t.Skip("SKIPPED: make test-faults runs it") }
}

// newClient disables keep-alive, because a kept connection may lead to a terminating pod.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
}

func call(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	code, text, err := user{token: token, client: newClient(30 * time.Second)}.send(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return code, text
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "docker", args...)
}

// imageIDs sorts the IDs, because the engine lists images of one second in any order.
func imageIDs(t *testing.T, repository string) []string {
	t.Helper()
	ids := strings.Fields(docker(t, "images", "--quiet", "--no-trunc", repository))
	slices.Sort(ids)
	return ids
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantContains(t *testing.T, name, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %s:\n%s\nwant it to contain %q", name, text, part)
		}
	}
}

func listen(t *testing.T, address string) (stop func()) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}
