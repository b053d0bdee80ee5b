//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"testing"
)

func testBrowserJourney(t *testing.T, _ *project) {
	if _, err := exec.LookPath("chromium"); err != nil && os.Getenv("CHROMIUM") == "" {
		t.Skip("SKIPPED: chromium not found: run `make deps`, or set CHROMIUM")
	}
	cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", "test:browser", "journey")
	cmd.Dir = "../../services/frontend"
	cmd.Env = append(os.Environ(), "BASE_URL="+frontendURL, "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("browser tests: %v", err)
	}
}
