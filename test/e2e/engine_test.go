//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// useEngine keeps the engine alive for the test: who kills it waits for all who
// use it, in this process or another (hack/test-adapters.sh takes the same lock).
func useEngine(t *testing.T) (release func()) {
	t.Helper()
	return lockEngine(t, syscall.LOCK_SH)
}

// lockEngine waits for the lock, and holds it until release or the test's end.
func lockEngine(t *testing.T, how int) (release func()) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "tkdeploy-tests-use-the-engine"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // twice after a release: no matter
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		t.Fatal(err)
	}
	return func() { _ = file.Close() }
}
