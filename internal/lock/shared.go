package lock

import (
	"bytes"
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
	for delay := minPause; ; delay = min(2*delay, maxPause) {
		err := try()
		var held *HeldError
		if !errors.As(err, &held) || time.Now().After(giveUp) {
			return err
		}
		if onWait != nil {
			onWait("waiting: " + held.Error())
			onWait = nil
		}
		// Two runs that try in the same rhythm could exclude each other forever.
		if end := pause(ctx, delay/2+rand.N(delay)); end != nil {
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
	case err == nil && files.IsCurrent(s.file):
		s.register(how)
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder := s.holder()
		s.close()
		return false, lockedError(&HeldError{What: s.what, Holder: holder}, holder.hint(s.path))
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
	if line, err := json.Marshal(sharedRecord{s.self, how == syscall.LOCK_EX}); err == nil {
		_, _ = s.file.Write(append(line, '\n'))
	}
}

type sharedRecord struct {
	Holder
	Exclusive bool `json:"exclusive,omitempty"`
}

func parseRecords(text []byte) (records []sharedRecord) {
	for line := range bytes.Lines(text) {
		var r sharedRecord
		if json.Unmarshal(line, &r) == nil {
			records = append(records, r)
		}
	}
	return records
}

// holder returns the newest registered run that has not ended.
func (s *Shared) holder() (running Holder) {
	text, err := io.ReadAll(io.NewSectionReader(s.file, 0, 2*maxHolders))
	if err != nil {
		return Holder{}
	}
	for _, r := range parseRecords(text) {
		if !r.equal(s.self) && r.isRunning() {
			running = r.Holder
		}
	}
	return running
}

// ExclusiveHolder returns the run that holds the lock at path exclusively. It acquires
// no lock, so it delays no run.
func ExclusiveHolder(path string) (h Holder, ok bool) {
	text, err := files.Read(path, 2*maxHolders)
	if err != nil {
		return Holder{}, false
	}
	records := parseRecords(text)
	if len(records) == 0 {
		return Holder{}, false
	}
	newest := records[len(records)-1] // a holder that changes its mode registers again
	return newest.Holder, newest.Exclusive && newest.isRunning()
}

// Release releases the lock. The last holder removes the file, if it may.
func (s *Shared) Release() {
	if s.file == nil {
		return
	}
	last := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && files.IsCurrent(s.file)
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
