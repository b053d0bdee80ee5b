package await

import (
	"context"
	"errors"
	"testing"
)

func TestResult(t *testing.T) {
	t.Parallel()
	t.Run("returns the result and the error", func(t *testing.T) {
		t.Parallel()
		failure := errors.New("no answer")
		if got, err := Result(t.Context(), func() (int, error) { return 7, failure }); got != 7 || !errors.Is(err, failure) {
			t.Errorf("got %d, %v, want 7, %v", got, err, failure)
		}
	})
	t.Run("returns the cause of a cancellation while the call hangs", func(t *testing.T) {
		t.Parallel()
		hang := make(chan struct{})
		t.Cleanup(func() { close(hang) })
		stopped := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stopped)
		if got, err := Result(ctx, func() (int, error) { <-hang; return 7, nil }); got != 0 || !errors.Is(err, stopped) {
			t.Errorf("got %d, %v, want 0, %v", got, err, stopped)
		}
	})
}
