package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// TempDir is a directory for temporary files. If its process is killed, the next
// call of [NewTempDir] removes it.
type TempDir struct {
	Path string
	lock *os.File
}

// NewTempDir creates a directory in dir, or in the default directory for temporary
// files if dir is "". Its name starts with prefix. It first removes the directories
// of that prefix that killed processes of this user left behind.
func NewTempDir(dir, prefix string) (*TempDir, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	lock, err := create(dir, prefix, func() (*os.File, error) {
		path, err := os.MkdirTemp(dir, prefix)
		if err != nil {
			return nil, err
		}
		return os.Open(path)
	})
	if err != nil {
		return nil, err
	}
	return &TempDir{Path: lock.Name(), lock: lock}, nil
}

// Remove removes the directory and its content.
func (d *TempDir) Remove() error {
	defer d.lock.Close()
	return os.RemoveAll(d.Path)
}

// createTemp is [os.CreateTemp] with the guarantees of [NewTempDir].
func createTemp(dir, prefix string) (*os.File, error) {
	return create(dir, prefix, func() (*os.File, error) { return os.CreateTemp(dir, prefix) })
}

// create locks what makeTemp created: a lock ends with its process. Between the two
// steps, another process may take it for a leftover.
func create(dir, prefix string, makeTemp func() (*os.File, error)) (*os.File, error) {
	Sweep(dir, prefix)
	for range 10 {
		file, err := makeTemp()
		if errors.Is(err, os.ErrNotExist) {
			if _, missing := os.Stat(dir); missing != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		// Where locks are not supported, nothing is swept either.
		if !errors.Is(err, syscall.EWOULDBLOCK) && IsCurrent(file) {
			return file, nil
		}
		file.Close()
	}
	return nil, fmt.Errorf("create a temporary file in %s: others keep removing it", dir)
}

// IsCurrent reports whether the path at which file was opened still refers to it.
func IsCurrent(file *os.File) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	current, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(held, current)
}

// Sweep removes the files and directories in dir whose name starts with prefix and
// which processes of this user that have ended left behind. It skips what it cannot
// remove, because the next run tries again.
func Sweep(dir, prefix string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && (e.IsDir() || e.Type().IsRegular()) {
			removeLeftover(filepath.Join(dir, e.Name()))
		}
	}
}

func removeLeftover(path string) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if checkPrivate(file) == nil && syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.RemoveAll(path)
	}
}
