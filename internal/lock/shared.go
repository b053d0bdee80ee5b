package lock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// The pause between two attempts grows from the first to the second.
const (
	minPause = 100 * time.Millisecond
	maxPause = 2 * time.Second
)

// maxHolders bounds the file, to which every holder appends.
const maxHolders = 64 << 10

// Shared is a lock that many runs hold in shared mode, or one run exclusively. It
// excludes all runs on this machine, also those of other users. It is not safe for
// concurrent use.
type Shared struct {
	path, what string
	self       Holder
	file       *os.File // nil if not held
}

// SharedPath returns the path in dir of the lock on a cluster of an engine.
func SharedPath(dir, engine, cluster string) string {
	id := sha256.Sum256([]byte(engine))
	return filepath.Join(dir, "tkdeploy."+cluster+"."+hex.EncodeToString(id[:8])+".lock")
}

// NewShared returns the lock on the file at path, which it creates when needed. All
// users need access to its directory. what names the locked resource in errors.
func NewShared(path, what string, self Holder) *Shared {
	return &Shared{path: path, what: what, self: self}
}

// TryShared acquires the lock in shared mode or changes to it. If another run holds
// it exclusively, it returns a [*HeldError] without waiting, and the lock is not held.
func (s *Shared) TryShared() error { return s.try(syscall.LOCK_SH) }

// TryExclusive acquires the lock exclusively or changes to that. If another run holds
// it, it returns a [*HeldError] without waiting, and the lock is not held, even if
// it was before: two runs that need more than they share must not block each other.
func (s *Shared) TryExclusive() error { return s.try(syscall.LOCK_EX) }

// Retry calls try until it returns no [*HeldError], for at most limit. It calls
// onWait, which may be nil, once if it has to wait.
func (s *Shared) Retry(ctx context.Context, limit time.Duration, onWait func(string), try func() error) error {
	giveUp := time.Now().Add(limit)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		err := try()
		var held *HeldError
		if !errors.As(err, &held) || time.Now().After(giveUp) {
			return err
		}
		if onWait != nil {
			onWait("waiting: " + held.Error())
			onWait = nil
		}
		// Two runs that try in the same rhythm could exclude each other for ever.
		if end := sleep(ctx, pause/2+rand.N(pause)); end != nil {
			return end
		}
	}
}

func (s *Shared) try(how int) error {
	for giveUp := time.Now().Add(holderTimeout); ; {
		done, err := s.tryOnce(how)
		var held *HeldError
		switch {
		case done || errors.As(err, &held):
			return err
		case err != nil && (!errors.Is(err, fs.ErrPermission) || time.Now().After(giveUp)):
			return fault.New(fault.Environment, fmt.Errorf("lock %s: %w", s.what, err), "remove what is at "+s.path+" if it is no lock file of tkdeploy")
		case err != nil: // the user who has just created the file has yet to share it
			time.Sleep(holderInterval)
		}
	}
}

// tryOnce returns false and no error if the file has just been removed.
func (s *Shared) tryOnce(how int) (done bool, err error) {
	if s.file == nil {
		if s.file, err = files.OpenShared(s.path); err != nil {
			return false, err
		}
	}
	err = syscall.Flock(int(s.file.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil && isAt(s.file, s.path):
		s.register(how)
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder := s.holder()
		s.close()
		return false, lockedError(&HeldError{What: s.what, Holder: holder.Holder}, holder.hint(s.path))
	case errors.Is(err, syscall.EINTR):
		err = nil
	}
	s.close()
	return false, err
}

// register appends this run to the holders. They only serve messages, so an error
// does not matter.
func (s *Shared) register(how int) {
	if how == syscall.LOCK_EX {
		_ = s.file.Truncate(0)
	}
	info, err := s.file.Stat()
	if err != nil || info.Size() > maxHolders {
		return
	}
	if line, err := json.Marshal(s.self); err == nil {
		_, _ = s.file.Write(append(line, '\n'))
	}
}

// holder returns the newest registered run that has not ended.
func (s *Shared) holder() (running record) {
	text, err := io.ReadAll(io.NewSectionReader(s.file, 0, 2*maxHolders))
	if err != nil {
		return record{}
	}
	for line := range strings.Lines(string(text)) {
		var r record
		if json.Unmarshal([]byte(line), &r.Holder) == nil && !r.equal(s.self) && r.isRunning() {
			running = r
		}
	}
	return running
}

// Release releases the lock. The last holder removes the file, if it may.
func (s *Shared) Release() {
	if s.file == nil {
		return
	}
	last := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && isAt(s.file, s.path)
	if last && os.Remove(s.path) != nil { // the file of another user
		_ = s.file.Truncate(0) // on failure, it names a holder that has ended
	}
	s.close()
}

// close unlocks explicitly, see [File.unlock].
func (s *Shared) close() {
	_ = syscall.Flock(int(s.file.Fd()), syscall.LOCK_UN) // on failure, Close releases the lock
	s.file.Close()
	s.file = nil
}
