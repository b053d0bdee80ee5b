package vex

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestGovulncheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("jq not found")
	}
	fake, err := filepath.Abs("testdata/govulncheck")
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{fake, "../../govulncheck.sh", "../../../.vex/tkdeploy.openvex.json"} { // inputs for Go's test cache
		if _, err := os.Stat(input); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, env string
		fails     bool
		want      string
	}{
		{"accepts a report without findings", "FINDINGS=", false, "no known vulnerabilities in reachable code"},
		{"accepts findings of the VEX document", "FINDINGS=GO-2026-4883 GO-2026-4887", false, "no known vulnerabilities in reachable code"},
		{"fails for another finding", "FINDINGS=GO-2026-4883 GO-2026-9998 GO-2026-9999", true, "can be called: GO-2026-9998 GO-2026-9999\nthe report for people"},
		{"skips without the database", "ERROR=dial tcp: lookup: no such host", false, "SKIPPED"},
		{"fails if govulncheck fails", "ERROR=no Go files", true, "no Go files"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "../../govulncheck.sh", fake)
			cmd.Env = append(os.Environ(), test.env)
			output, err := cmd.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(output), test.want) {
				t.Errorf("got %v and %q, want failure %t and %q", err, output, test.fails, test.want)
			}
		})
	}
}
