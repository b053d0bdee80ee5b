package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type counter struct{ n atomic.Int32 }

func (c *counter) read(context.Context) (int, error) { return int(c.n.Add(1)), nil }

func TestValue_Get(t *testing.T) {
	t.Parallel()

	t.Run("reads once until invalidated", func(t *testing.T) {
		t.Parallel()
		var c Value[int]
		var source counter
		read := func(want int) {
			t.Helper()
			if got, err := c.Get(t.Context(), source.read); got != want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, want)
			}
		}
		read(1)
		read(1)
		c.Invalidate()
		read(2)
		read(2)
	})

	t.Run("concurrent callers share one read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var c Value[int]
			var source counter
			slow := func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return source.read(ctx)
			}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if got, err := c.Get(t.Context(), slow); got != 1 || err != nil {
						t.Errorf("got %d, %v, want 1", got, err)
					}
				})
			}
			all.Wait()
			if got := source.n.Load(); got != 1 {
				t.Errorf("got %d reads, want 1", got)
			}
		})
	})

	t.Run("does not cache an error", func(t *testing.T) {
		t.Parallel()
		var c Value[int]
		failure := errors.New("no answer")
		if _, err := c.Get(t.Context(), func(context.Context) (int, error) { return 0, failure }); !errors.Is(err, failure) {
			t.Errorf("got %v, want %v", err, failure)
		}
		if got, err := c.Get(t.Context(), new(counter).read); got != 1 || err != nil {
			t.Errorf("got %d, %v, want 1", got, err)
		}
	})

	t.Run("callers that share a read share its error", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var c Value[int]
			failure := errors.New("no answer")
			var reads atomic.Int32
			fail := func(context.Context) (int, error) {
				time.Sleep(time.Second)
				reads.Add(1)
				return 0, failure
			}
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() {
					if _, err := c.Get(t.Context(), fail); !errors.Is(err, failure) {
						t.Errorf("got %v, want %v", err, failure)
					}
				})
			}
			all.Wait()
			if got := reads.Load(); got != 1 {
				t.Errorf("got %d reads, want 1", got)
			}
		})
	})

	t.Run("does not cache the result of a canceled read", func(t *testing.T) {
		t.Parallel()
		var c Value[int]
		ctx, cancel := context.WithCancel(t.Context())
		partial := func(context.Context) (int, error) { cancel(); return -1, nil }
		if got, err := c.Get(ctx, partial); got != -1 || err != nil {
			t.Errorf("got %d, %v, want the result of the read", got, err)
		}
		if got, err := c.Get(t.Context(), new(counter).read); got != 1 || err != nil {
			t.Errorf("got %d, %v, want 1", got, err)
		}
	})

	t.Run("reads again if the reading caller is canceled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var c Value[int]
			ctx, cancel := context.WithCancel(t.Context())
			untilCanceled := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := c.Get(ctx, untilCanceled); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, context.Canceled)
				}
			})
			synctest.Wait()
			all.Go(func() {
				if got, err := c.Get(t.Context(), new(counter).read); got != 1 || err != nil {
					t.Errorf("got %d, %v, want 1", got, err)
				}
			})
			synctest.Wait()
			cancel()
			all.Wait()
		})
	})

	t.Run("a waiting caller stops at its own cancellation", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var c Value[int]
			release := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() {
				got, err := c.Get(t.Context(), func(context.Context) (int, error) { <-release; return 7, nil })
				if got != 7 || err != nil {
					t.Errorf("got %d, %v, want 7", got, err)
				}
			})
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.Get(ctx, new(counter).read); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
			}
			close(release)
			all.Wait()
			if got, ok := c.Peek(); got != 7 || !ok {
				t.Errorf("got %d, %t, want the result of the first read", got, ok)
			}
		})
	})

	t.Run("releases waiting callers if a read panics", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var c Value[int]
			release := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() {
				defer func() { _ = recover() }()
				_, _ = c.Get(t.Context(), func(context.Context) (int, error) { <-release; panic("read") })
			})
			synctest.Wait()
			all.Go(func() {
				if _, err := c.Get(t.Context(), new(counter).read); !errors.Is(err, errUnfinished) {
					t.Errorf("got %v, want %v", err, errUnfinished)
				}
			})
			synctest.Wait()
			close(release)
			all.Wait()
		})
	})
}

func TestValue_invalidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Value[int])
		want   int // of the next get
		reads  int32
	}{
		"drops the result of a read in progress":   {(*Value[int]).Invalidate, 2, 2},
		"a stored value wins over such a read too": {func(c *Value[int]) { c.Put(9) }, 9, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var c Value[int]
				var source counter
				release := make(chan struct{})
				var all sync.WaitGroup
				all.Go(func() {
					stale, err := c.Get(t.Context(), func(ctx context.Context) (int, error) {
						n, err := source.read(ctx)
						<-release
						return n, err
					})
					if stale != 1 || err != nil {
						t.Errorf("got %d, %v, want the value that was read", stale, err)
					}
				})
				synctest.Wait()
				test.change(&c)
				close(release)
				all.Wait()
				if got, err := c.Get(t.Context(), source.read); got != test.want || err != nil {
					t.Errorf("got %d, %v, want %d", got, err, test.want)
				}
				if got := source.n.Load(); got != test.reads {
					t.Errorf("got %d reads, want %d", got, test.reads)
				}
			})
		})
	}
}

func TestValue_storer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Value[int]) // between the call of storer and the result
		want   int
		ok     bool
	}{
		"stores the value":                    {func(*Value[int]) {}, 5, true},
		"does nothing after an invalidation":  {(*Value[int]).Invalidate, 0, false},
		"does nothing after a write":          {func(c *Value[int]) { c.Put(9) }, 9, true},
		"replaces the result of another read": {func(c *Value[int]) { _, _ = c.Get(context.Background(), new(counter).read) }, 5, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Value[int]
			store := c.Storer()
			test.change(&c)
			store(5)
			if got, ok := c.Peek(); got != test.want || ok != test.ok {
				t.Errorf("got %d, %t, want %d, %t", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestValue_concurrentUse(t *testing.T) {
	t.Parallel()
	var c Value[int]
	var source counter
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				switch i % 4 {
				case 0:
					c.Invalidate()
				case 1:
					c.Peek()
				default:
					if got, err := c.Get(t.Context(), source.read); got == 0 || err != nil {
						t.Errorf("got %d, %v, want a value", got, err)
					}
				}
			}
		})
	}
	all.Wait()
}
