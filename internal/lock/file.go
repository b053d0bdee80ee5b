package lock

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// A process locks the file before it writes its record. Acquire retries for
// holderTimeout.
const (
	holderTimeout  = time.Second
	holderInterval = 10 * time.Millisecond
)

// File is a held lock file.
type File struct {
	path   string
	file   *os.File
	record record

	// inDoubt is set if a Lease may have the token of this run although
	// AcquireLease failed.
	inDoubt bool
}

// Acquire locks the file at path for self and creates its directory. If another
// process holds the lock, it returns a [*HeldError] without waiting. what names
// the locked resource in errors.
func Acquire(ctx context.Context, path, what string, self Holder) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, environmentError(err)
	}
	for giveUp := time.Now().Add(holderTimeout); ; {
		f, other, err := tryLock(path)
		if err != nil {
			return nil, environmentError(err)
		}
		if f != nil {
			return newFile(path, f, self)
		}
		if other.isRunning() || time.Now().After(giveUp) {
			return nil, lockedError(&HeldError{What: what, Holder: other.Holder}, other.hint(path))
		}
		if err := pause(ctx, holderInterval); err != nil {
			return nil, err
		}
	}
}

func environmentError(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("acquire lock file: %w", err),
		"remove what is at this path if it is no lock file; or set XDG_STATE_HOME to a writable directory on a file system that supports locks")
}

// tryLock returns the locked file, the record of its holder, or neither if the
// file has just been removed.
func tryLock(path string) (*os.File, record, error) {
	f, err := files.OpenPrivate(path) // close-on-exec: children do not inherit the lock
	if err != nil {
		return nil, record{}, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil && files.IsCurrent(f):
		return f, record{}, nil
	case err == nil || errors.Is(err, syscall.EINTR):
		return nil, record{}, f.Close()
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, readRecord(f), f.Close()
	}
	return nil, record{}, errors.Join(fmt.Errorf("flock %s: %w", path, err), f.Close())
}

func newFile(path string, f *os.File, self Holder) (*File, error) {
	l := &File{path: path, file: f, record: record{Holder: self, Token: rand.Text()}}
	// Machines may share a directory but not its locks: only tokens of this
	// machine are stale.
	if old := readRecord(f); old.Host == self.Host {
		l.record.StaleTokens = old.StaleTokens
		if old.Token != "" {
			l.record.StaleTokens = append(l.record.StaleTokens, old.Token)
		}
	}
	if err := l.write(); err != nil {
		return nil, environmentError(errors.Join(err, f.Close()))
	}
	return l, nil
}

func (l *File) write() error {
	text, err := json.Marshal(l.record)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(text, 0)
	return err
}

// hasEnded reports whether an earlier run with this lock file had the token.
func (l *File) hasEnded(token string) bool {
	return token != "" && slices.Contains(l.record.StaleTokens, token)
}

// Release releases the lock and removes the file, unless the next run needs the
// tokens in it: those of earlier runs or, if leaseLeft is set or a request for the
// Lease was interrupted, of this run.
func (l *File) Release(leaseLeft bool) error {
	defer l.unlock()
	switch {
	case leaseLeft || l.inDoubt:
		return nil
	case len(l.record.StaleTokens) > 0:
		l.record.Token = ""
		return l.write()
	}
	if err := os.Remove(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unlock unlocks explicitly: closing the file is not enough while a child process
// that has not reached its exec has it open.
func (l *File) unlock() {
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN) // on failure, Close releases the lock
	l.file.Close()
}

// pause returns the cause of ctx if it ends first.
func pause(ctx context.Context, d time.Duration) error {
	sleep.For(ctx, d)
	return context.Cause(ctx)
}
