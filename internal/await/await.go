// Package await gives up on calls that take no context.
package await

import "context"

// Result calls f, which takes no context, and returns its result, or the cause of ctx
// once ctx is done. f may then still be running.
func Result[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
