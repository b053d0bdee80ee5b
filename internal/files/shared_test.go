package files

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func TestOpenShared(t *testing.T) {
	testRefusals(t, OpenShared)
	t.Run("creates a file for all users, whatever the umask", func(t *testing.T) {
		defer syscall.Umask(syscall.Umask(0o077))
		path := filepath.Join(t.TempDir(), "lock")
		for range 2 {
			file, err := OpenShared(path)
			check(t, err)
			check(t, file.Close())
		}
		wantMode(t, path, 0o666)
	})
	t.Run("opens a file that others create and remove", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "lock")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 200 {
					file, err := OpenShared(path)
					if err != nil {
						t.Error(err)
						return
					}
					file.Close()
					_ = os.Remove(path) // another goroutine may have removed it
				}
			})
		}
		wg.Wait()
	})
}
