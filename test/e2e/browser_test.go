//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// browserJourney runs the frontend's browser tests against the cluster: a real
// Chromium that knows the frontend's mapped port and nothing else.
func testBrowserJourney(t *testing.T, _ *project) {
	if _, err := exec.LookPath("chromium"); err != nil && os.Getenv("CHROMIUM") == "" {
		t.Skip("SKIPPED: there is no chromium on this machine (hack/packages.sh installs Debian's); CHROMIUM may name another")
	}
	cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", "test:browser", "journey")
	cmd.Dir = "../../services/frontend"
	cmd.Env = append(os.Environ(), "BASE_URL=http://localhost:23000", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Fatal(err)
	}
}
