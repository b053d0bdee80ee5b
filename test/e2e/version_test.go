//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestVersion checks that make has embedded the smoke test's program. Without it, tkdeploy
// deploys itself, which is seven times as large and serves one platform.
func TestVersion(t *testing.T) {
	var version struct {
		Nodes []string `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(command(t, binary(t), "version", "--output", "json")), &version); err != nil {
		t.Fatal(err)
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(version.Nodes, want) {
		t.Errorf("got nodes %v, want %v", version.Nodes, want)
	}
}
