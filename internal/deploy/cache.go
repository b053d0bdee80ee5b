package deploy

import (
	"context"
	"errors"
	"sync"
)

// cached is a value that is read at most once until it is invalidated.
// Concurrent callers share one read. The zero value is empty. It is safe for
// concurrent use.
type cached[T any] struct {
	mu       sync.Mutex
	value    T
	valid    bool
	inFlight *read[T] // nil if there is none, or if it has become invalid
}

// read is one read of a value, shared by the callers that wait for it.
type read[T any] struct {
	done     chan struct{} // closed at the end of the read
	value    T
	err      error
	canceled bool // the context of the caller that reads was done
}

// errUnfinished is the error of a read that panicked or called runtime.Goexit.
var errUnfinished = errors.New("the read did not finish")

// get returns the value and reads it if necessary. It does not cache errors, nor
// the result of a read whose context is done: such a result may be incomplete.
// A caller that waits for another caller's read returns when its own ctx is
// done. If the other caller's context is done first, it reads itself.
func (c *cached[T]) get(ctx context.Context, readValue func(context.Context) (T, error)) (T, error) {
	for {
		c.mu.Lock()
		if c.valid {
			defer c.mu.Unlock()
			return c.value, nil
		}
		r := c.inFlight
		if r == nil {
			r = &read[T]{done: make(chan struct{}), err: errUnfinished}
			c.inFlight = r
			c.mu.Unlock()
			c.perform(ctx, r, readValue)
			return r.value, r.err
		}
		c.mu.Unlock()
		select {
		case <-r.done:
			if !r.canceled {
				return r.value, r.err
			}
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}

// perform reads the value and stores it unless it was invalidated during the read.
func (c *cached[T]) perform(ctx context.Context, r *read[T], readValue func(context.Context) (T, error)) {
	defer func() {
		r.canceled = ctx.Err() != nil
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.inFlight == r {
			c.inFlight = nil
			if r.err == nil && !r.canceled {
				c.value, c.valid = r.value, true
			}
		}
		close(r.done)
	}()
	r.value, r.err = readValue(ctx)
}

// peek returns the value if it has been read.
func (c *cached[T]) peek() (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.valid
}

// put stores a value that the caller has just written or observed.
func (c *cached[T]) put(value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.valid, c.inFlight = value, true, nil
}

// invalidate drops the value. The result of a read in progress goes to its
// callers only.
func (c *cached[T]) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var zero T
	c.value, c.valid, c.inFlight = zero, false, nil
}
