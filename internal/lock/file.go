package lock

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A lock is held for a moment before its file says by whom: a look that finds
// nothing is repeated for tellWithin.
const (
	tellWithin = time.Second
	tellPause  = 10 * time.Millisecond
)

// A File is a held lock file.
type File struct {
	path   string
	file   *os.File
	record record
}

// record is the content of a lock file.
type record struct {
	Holder
	// Token is what the run writes into its Lease.
	Token string `json:"token"`
	// Left are the tokens of earlier runs that ended without giving their
	// Leases back.
	Left []string `json:"left,omitempty"`
}

// Take locks the file at path, whose folder is created, for self. It does not
// wait: if another process holds the lock, the error is a [*HeldError]. what
// says in words what is locked.
func Acquire(ctx context.Context, path, what string, self Holder) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, broken(err)
	}
	for giveUp := time.Now().Add(tellWithin); ; {
		f, other, err := try(path)
		if err != nil {
			return nil, broken(err)
		}
		if f != nil {
			return newFile(path, f, self)
		}
		if other.known() || time.Now().After(giveUp) {
			return nil, held(&HeldError{What: what, Holder: other.Holder}, other.hint(path))
		}
		if err := sleep(ctx, tellPause); err != nil {
			return nil, err
		}
	}
}

func broken(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("lock this machine against a second run: %w", err),
		"XDG_STATE_HOME names a folder for state; it must be writable, and on a file system that has locks")
}

// try locks the file once. The result is the locked file, or what the file says
// of its holder. A file that its last holder removed meanwhile is neither.
func try(path string) (*os.File, record, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // closed in child processes: they do not inherit the lock
	if err != nil {
		return nil, record{}, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil && isAt(f, path):
		return f, record{}, nil
	case err == nil || errors.Is(err, syscall.EINTR):
		return nil, record{}, f.Close()
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, read(f), f.Close()
	}
	return nil, record{}, errors.Join(fmt.Errorf("flock %s: %w", path, err), f.Close())
}

// isAt reports whether path still is the file.
func isAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// newFile notes in the locked file who holds it.
func newFile(path string, f *os.File, self Holder) (*File, error) {
	l := &File{path: path, file: f, record: record{Holder: self, Token: rand.Text()}}
	// The lock of a shared home is not always shared: what another machine left
	// proves nothing here.
	if old := read(f); old.Host == self.Host {
		l.record.Left = old.Left
		if old.Token != "" {
			l.record.Left = append(l.record.Left, old.Token)
		}
	}
	if err := l.write(); err != nil {
		return nil, broken(errors.Join(err, f.Close()))
	}
	return l, nil
}

// read is what the file says, or nothing.
func read(f *os.File) record {
	var r record
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil || json.Unmarshal(text, &r) != nil {
		return record{}
	}
	return r
}

// known tells a record of the holder from one that a dead run left, or none.
func (r record) known() bool {
	if r.PID <= 0 {
		return false
	}
	if host, err := os.Hostname(); err != nil || host != r.Host {
		return true
	}
	return !errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH)
}

func (r record) hint(path string) string {
	if r.PID <= 0 {
		return "wait until it has ended; it has locked the file " + path
	}
	return fmt.Sprintf("wait until it has ended, or stop it: kill %d", r.PID)
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

// isOver reports that the run with the token was one of this lock file. Since
// we hold it, that run is over.
func (l *File) isOver(token string) bool { return token != "" && slices.Contains(l.record.Left, token) }

// Release gives the lock back and removes the file, unless Leases may be left
// in the cluster: the next run needs to know them. left says so of this run's.
func (l *File) Release(left bool) error {
	defer l.unlock()
	switch {
	case left:
		return nil // the file has the token since it was locked
	case len(l.record.Left) > 0:
		l.record.Token = ""
		return l.write()
	}
	if err := os.Remove(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unlock frees the lock also where a process that this one just started still has
// the file, as it does until its exec: closing our own would not.
func (l *File) unlock() {
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN) // of an open file: no error that closing it would not mend
	l.file.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
