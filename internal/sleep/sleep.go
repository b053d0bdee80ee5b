// Package sleep pauses for a time that a context can cut short.
package sleep

import (
	"context"
	"time"
)

// For waits for d or until ctx is done.
func For(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
