package files

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

// specialFiles returns a path of each kind that no function may open, by the words
// in its error.
func specialFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	pipe, zero, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "zero"), filepath.Join(dir, "socket")
	check(t, syscall.Mkfifo(pipe, 0o600))
	check(t, os.Symlink("/dev/zero", zero))
	listener, err := net.Listen("unix", socket)
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	return map[string]string{"a directory": dir, "a named pipe": pipe, "a device": zero, "a socket": socket}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	filestest.CheckRefused(t, path, func() error { _, err := Read(path, ConfigLimit); return err })
	t.Run("reads up to the limit, through links", func(t *testing.T) {
		path := write(t, "1234567890")
		link := path + ".link"
		check(t, os.Symlink(path, link))
		if got, err := Read(link, 10); string(got) != "1234567890" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("refuses a larger file and names the limit", func(t *testing.T) {
		path := write(t, "12345678901")
		_, err := Read(path, 10)
		if want := path + " is larger than 10 bytes"; err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	})
	t.Run("names a missing file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "absent")
		if _, err := Read(path, 10); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("got error %v", err)
		}
	})
}

func TestHead(t *testing.T) {
	if got, err := Head(write(t, "1234567890"), 4); string(got) != "1234" || err != nil {
		t.Errorf("got %q, %v, want the first 4 bytes", got, err)
	}
}

func TestNewReader(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r := NewReader(ctx, strings.NewReader("text"))
	if _, err := r.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	stopped := errors.New("stopped")
	cancel(stopped)
	if n, err := r.Read(make([]byte, 2)); n != 0 || !errors.Is(err, stopped) {
		t.Errorf("got %d bytes, %v, want the cause of the cancellation", n, err)
	}
}

// testRefusals checks what OpenPrivate and OpenShared refuse to open.
func testRefusals(t *testing.T, open func(path string) (*os.File, error)) {
	t.Helper()
	for kind, path := range specialFiles(t) {
		t.Run("refuses "+kind+" at once", func(t *testing.T) {
			err := within(t, time.Second, func() error { _, err := open(path); return err })
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
			if _, err := open(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got error %v", err)
			}
			wantContent(t, target, "diary")
		})
	}
	t.Run("does not create the target of a symbolic link", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "target")
		check(t, os.Symlink(target, target+".lock"))
		if _, err := open(target + ".lock"); err == nil {
			t.Error("got no error")
		}
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want no file", err)
		}
	})
}

func TestOpenPrivate(t *testing.T) {
	testRefusals(t, OpenPrivate)
	t.Run("creates a missing file and opens an existing one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "lock")
		for range 2 {
			file, err := OpenPrivate(path)
			check(t, err)
			file.Close()
		}
		wantMode(t, path, 0o600)
	})
}

func TestWrite(t *testing.T) {
	for name, link := range map[string]func(from, to string) error{"a symbolic link": os.Symlink, "a hard link": os.Link} {
		t.Run("replaces "+name+" and not its target", func(t *testing.T) {
			target := write(t, "diary")
			path := target + ".report"
			check(t, link(target, path))
			check(t, Write(path, []byte("report"), 0o644))
			wantContent(t, target, "diary")
			wantContent(t, path, "report")
			wantMode(t, path, 0o644)
		})
	}
	t.Run("leaves only the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "report")
		check(t, Write(path, []byte("report"), 0o600))
		wantNames(t, filepath.Dir(path), "report")
	})
	t.Run("names the file if it fails, and leaves no other", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "report")
		check(t, os.Mkdir(path, 0o700))
		err := Write(path, []byte("report"), 0o600)
		if err == nil || !strings.HasPrefix(err.Error(), "write "+path+": ") {
			t.Errorf("got error %v", err)
		}
		wantNames(t, filepath.Dir(path), "report")
		err = Write(filepath.Join(path, "absent", "report"), nil, 0o600)
		if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), ".tkdeploy-") {
			t.Errorf("got error %v", err)
		}
	})
}

func TestNewTempDir(t *testing.T) {
	t.Run("removes what killed processes left, and nothing else", func(t *testing.T) {
		dir := t.TempDir()
		diary := write(t, "diary")
		check(t, os.Mkdir(filepath.Join(dir, "load-1"), 0o700))
		check(t, os.Symlink(diary, filepath.Join(dir, "load-1", "link")))
		check(t, os.Symlink(filepath.Dir(diary), filepath.Join(dir, "load-2")))
		check(t, os.Mkdir(filepath.Join(dir, "other"), 0o700))
		running, err := NewTempDir(dir, "load-")
		check(t, err)
		next, err := NewTempDir(dir, "load-")
		check(t, err)
		wantNames(t, dir, filepath.Base(running.Path), "load-2", filepath.Base(next.Path), "other")
		wantContent(t, diary, "diary")
		check(t, errors.Join(running.Remove(), next.Remove()))
		wantNames(t, dir, "load-2", "other")
	})
	t.Run("names a missing directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "absent")
		if _, err := NewTempDir(dir, "load-"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("survives other processes that sweep", func(t *testing.T) {
		dir := t.TempDir()
		done := make(chan error)
		for range 8 {
			go func() {
				var err error
				for range 50 {
					temp, createErr := NewTempDir(dir, "load-")
					if createErr == nil {
						createErr = errors.Join(os.WriteFile(filepath.Join(temp.Path, "layer"), nil, 0o600), temp.Remove())
					}
					err = errors.Join(err, createErr)
				}
				done <- err
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		wantNames(t, dir)
	})
}

func within(t *testing.T, limit time.Duration, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		t.Fatalf("still running after %s", limit)
		return nil
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want || err != nil {
		t.Errorf("got %q, %v in %s, want %q", got, err, path, want)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	check(t, err)
	if info.Mode() != want {
		t.Errorf("got mode %s of %s, want %s", info.Mode(), path, want)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in %s (-want +got):\n%s", dir, diff)
	}
}
