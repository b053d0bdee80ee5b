// Package filestest puts files at configured paths that no program may read.
package filestest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Limits of a refusal.
const (
	maxTime   = time.Second
	maxMemory = 100 << 20
)

// CheckRefused calls read with each kind of unreadable file at path: a link to a
// device without an end, a named pipe that nobody writes to, a directory, and a file
// that is too large. Each call must return an error that names the file, and neither
// block nor fill the memory.
func CheckRefused(t *testing.T, path string, read func() error) {
	t.Helper()
	check(t, "refuses", path, read, func(t *testing.T, problem string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), problem) {
			t.Errorf("got error %v, want %s %s", err, path, problem)
		}
	})
}

// CheckIgnored is like [CheckRefused] for a file that is optional: read must not
// return an error.
func CheckIgnored(t *testing.T, path string, read func() error) {
	t.Helper()
	check(t, "ignores", path, read, func(t *testing.T, _ string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
	})
}

func check(t *testing.T, verb, path string, read func() error, checkError func(t *testing.T, problem string, err error)) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		t.Run(verb+" "+kind.name+" at "+filepath.Base(path), func(t *testing.T) {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := kind.put(path); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(path) })
			before := allocated()
			checkError(t, kind.problem, within(t, read))
			if got := allocated() - before; got > maxMemory {
				t.Errorf("allocated %d MiB", got>>20)
			}
		})
	}
}

var kinds = []struct {
	name, problem string
	put           func(path string) error
}{
	{"a link to /dev/zero", "is not a regular file but a device", func(path string) error { return os.Symlink("/dev/zero", path) }},
	{"a named pipe", "is not a regular file but a named pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
	{"a directory", "is not a regular file but a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
	{"a huge file", "is larger than ", func(path string) error {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return os.Truncate(path, 1<<40) // sparse
	}},
}

func within(t *testing.T, read func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- read() }()
	select {
	case err := <-done:
		return err
	case <-time.After(maxTime):
		t.Fatalf("still reading after %s", maxTime)
		return nil
	}
}

// allocated counts what other tests allocate too: call it in tests that do not run
// in parallel.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}
