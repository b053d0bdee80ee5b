package sleep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	t.Run("waits for the time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			For(t.Context(), time.Minute)
			if got := time.Since(start); got != time.Minute {
				t.Errorf("got %s, want 1m", got)
			}
		})
	})
	t.Run("ends with the context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			For(ctx, time.Minute)
			if got := time.Since(start); got != time.Second {
				t.Errorf("got %s, want 1s", got)
			}
		})
	})
}
