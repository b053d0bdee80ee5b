package lock

import (
	"context"
	"errors"
	"time"
)

// Ensure calls apply while this run holds the lock exclusively, and then changes to
// shared mode. The lock must be held in shared mode. If another run is faster, Ensure
// waits for it, for at most limit, and calls apply only if isDone still returns false.
// The lock is held after success.
func (s *Shared) Ensure(ctx context.Context, limit time.Duration, onWait func(string), isDone func() (bool, error), apply func() error) error {
	var result error // of isDone or apply, which are not retried
	waited := false
	err := s.Retry(ctx, limit, onWait, func() error {
		held := s.TryExclusive()
		if held != nil && s.TryShared() != nil {
			waited = true
			return held
		}
		if held != nil || waited {
			waited = true
			done, err := isDone()
			switch {
			case done || err != nil:
				result = errors.Join(err, s.TryShared())
				return nil
			case held != nil: // another sharer may need it exclusively, too
				s.Release()
				return held
			}
		}
		result = errors.Join(apply(), s.TryShared())
		return nil
	})
	return errors.Join(err, result)
}
