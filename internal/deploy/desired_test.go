package deploy

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProbeProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, small := filepath.Join(dir, "tkdeploy"), filepath.Join(dir, "tkdeploy-probe")
	if got := probeProgram(self); got != self {
		t.Errorf("got %s, want %s without tkdeploy-probe", got, self)
	}
	if err := os.WriteFile(small, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := probeProgram(self); got != small {
		t.Errorf("got %s, want %s", got, small)
	}
}
