package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestOpenShared(t *testing.T) {
	for kind, path := range specialFiles(t) {
		t.Run("refuses "+kind+" at once", func(t *testing.T) {
			err := within(t, time.Second, func() error { _, err := OpenShared(path); return err })
			if err == nil || !strings.HasPrefix(err.Error(), path+" is not a regular file but ") {
				t.Errorf("got error %v", err)
			}
		})
	}
	for name, link := range map[string]func(from, to string) error{"a symbolic link": os.Symlink, "a hard link": os.Link} {
		t.Run("does not touch the target of "+name, func(t *testing.T) {
			target := write(t, "diary")
			path := target + ".lock"
			check(t, link(target, path))
			if _, err := OpenShared(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got error %v", err)
			}
			wantContent(t, target, "diary")
		})
	}
	t.Run("does not create the target of a symbolic link", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "target")
		check(t, os.Symlink(target, target+".lock"))
		if _, err := OpenShared(target + ".lock"); err == nil {
			t.Error("got no error")
		}
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want no file", err)
		}
	})
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
