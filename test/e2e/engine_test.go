//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// useEngine takes a shared lock, so that testKilledEngine of any process waits.
// hack/test-adapters.sh and the Makefile take the same lock.
func useEngine(t *testing.T) (release func()) {
	t.Helper()
	return lockEngine(t, syscall.LOCK_SH)
}

// lockEngine holds the lock until release or the end of the test.
func lockEngine(t *testing.T, how int) (release func()) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "tkdeploy-tests-use-the-engine"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // fails after release
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		t.Fatal(err)
	}
	return func() { _ = file.Close() }
}
