// Package failfast stops parallel work some time after one part of it failed.
package failfast

import (
	"context"
	"errors"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// ErrStopped is the cause of a context that ended because other work failed.
var ErrStopped = errors.New("stopped, because another image failed")

// Group is parallel work that succeeds only as a whole.
type Group struct {
	failed chan struct{}
	once   sync.Once
}

// New returns a group in which nothing has failed.
func New() *Group { return &Group{failed: make(chan struct{})} }

// Fail records that a part of the work failed. It may be called repeatedly.
func (g *Group) Fail() { g.once.Do(func() { close(g.failed) }) }

// Context returns a context for a part of the work. It ends with [ErrStopped] when
// grace has passed since the first failure.
func (g *Group) Context(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-g.failed:
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			cancel(ErrStopped)
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// Watch returns a reporter that passes events on. A failed item fails the group.
func (g *Group) Watch(reporter event.Reporter) event.Reporter {
	return event.ReporterFunc(func(e event.Event) {
		reporter.Report(e)
		if e.Kind == event.ItemFinished && e.Outcome == event.Failed {
			g.Fail()
		}
	})
}

// Stopped reports whether ctx ended with [ErrStopped].
func Stopped(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrStopped) }

// Failures returns err without the errors of stopped work, which are consequences.
func Failures(err error) error {
	var failures []error
	for _, e := range fault.Split(err) {
		if !errors.Is(e, ErrStopped) {
			failures = append(failures, e)
		}
	}
	return errors.Join(failures...)
}
