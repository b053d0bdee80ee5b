package deploy

import (
	"context"
	"errors"
	"sync"
)

// cached is a value that is read at most once until it is invalidated.
// Concurrent callers share one read. The zero value is empty.
type cached[T any] struct {
	mu         sync.Mutex
	value      T
	valid      bool
	inFlight   *read[T] // nil: none, or invalidated
	generation int      // number of changes by put and invalidate
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
// the result of a read whose context is done, which may be incomplete. If the
// reading caller is canceled, a waiting caller reads itself.
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

// perform reads the value and stores it unless it is invalidated during the read.
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

// put stores a value that the caller has written.
func (c *cached[T]) put(value T) { c.set(value, true) }

// invalidate drops the value. A read in progress still serves its callers.
func (c *cached[T]) invalidate() {
	var zero T
	c.set(zero, false)
}

func (c *cached[T]) set(value T, valid bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.valid, c.inFlight = value, valid, nil
	c.generation++
}

// storer returns a function that stores a value found by another read. It does
// nothing if the cache was changed after the call of storer.
func (c *cached[T]) storer() (store func(T)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	generation := c.generation
	return func(value T) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.generation == generation {
			c.value, c.valid, c.inFlight = value, true, nil
		}
	}
}
