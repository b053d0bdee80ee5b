package pods

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/sleep"
)

const requestTimeout = 10 * time.Second

// Retry repeats request while it fails with a transient error, for at most
// APITimeout. doing is the prefix of errors. The error has class
// [fault.Inconclusive] after APITimeout and after the deadline of ctx.
func (c *Client) Retry(ctx context.Context, doing string, request func(context.Context) error) error {
	deadline := time.Now().Add(c.APITimeout)
	for {
		if ctx.Err() != nil {
			return Stopped(ctx, doing)
		}
		attempt, cancel := context.WithTimeout(ctx, requestTimeout)
		err := request(attempt)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			continue
		case !IsTransient(err):
			return fmt.Errorf("%s: %w", doing, err)
		case time.Now().After(deadline):
			return Inconclusive(fmt.Errorf("%s: no response from the API server for %s: %w", doing, c.APITimeout, err))
		}
		sleep.For(ctx, c.RetryInterval)
	}
}

// Stopped returns the error of an operation that ctx ended, of class
// [fault.Inconclusive] after the deadline.
func Stopped(ctx context.Context, doing string) error {
	err := fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Inconclusive(err)
	}
	return err
}

// RerunHint is the hint for a possibly temporary failure.
const RerunHint = `run "tkdeploy verify" again`

// Inconclusive marks an error that proves nothing about the app.
func Inconclusive(err error) error {
	return fault.New(fault.Inconclusive, err, RerunHint)
}

// IsTransient reports whether a repeated request may succeed, also after a conflict.
func IsTransient(err error) bool {
	return kubeerr.IsTransient(err) || apierrors.IsConflict(err)
}
