// Package cache keeps a value that is read once.
package cache

import (
	"context"
	"errors"
	"sync"
)

// Value holds a value that is read once and kept until it is invalidated.
// Concurrent callers share one read. The zero value is empty.
type Value[T any] struct {
	mu         sync.Mutex
	value      T
	valid      bool
	inFlight   *read[T] // nil: none, or invalidated
	generation int      // number of changes by Put and Invalidate
}

type read[T any] struct {
	done     chan struct{}
	value    T
	err      error
	canceled bool // the reading caller's context was done
}

// errUnfinished is the error of a read that panicked or called runtime.Goexit.
var errUnfinished = errors.New("the read did not finish")

// Get returns the value and reads it if necessary. It caches neither errors nor the
// result of a canceled read, which may be incomplete. If the reading caller is
// canceled, a waiting caller reads again.
func (c *Value[T]) Get(ctx context.Context, readValue func(context.Context) (T, error)) (T, error) {
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

func (c *Value[T]) perform(ctx context.Context, r *read[T], readValue func(context.Context) (T, error)) {
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

// Peek returns the value without reading it.
func (c *Value[T]) Peek() (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.valid
}

// Put replaces the value.
func (c *Value[T]) Put(value T) { c.set(value, true) }

// Invalidate drops the value. A read in progress still serves its callers.
func (c *Value[T]) Invalidate() {
	var zero T
	c.set(zero, false)
}

func (c *Value[T]) set(value T, valid bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.valid, c.inFlight = value, valid, nil
	c.generation++
}

// Storer returns a function that stores a value found by another read, unless the
// cache has changed since.
func (c *Value[T]) Storer() (store func(T)) {
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
