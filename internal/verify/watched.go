package verify

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	watchapi "k8s.io/apimachinery/pkg/watch"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// forEver is longer than any context.
const forEver = 365 * 24 * time.Hour

// A watched is one object of the cluster that some state is awaited of. It is
// watched; where the watch breaks, is silent or tells no more, it is asked for.
type watched[T metav1.Object] struct {
	*Runner
	watch func(context.Context, metav1.ListOptions) (watchapi.Interface, error)
	look  func(context.Context) (T, error) // persists; that the object is gone is an error
}

// await returns the object as soon as reached says so or gives an error, which
// is a state that does not come; and not reached after the time. The object is
// the last that was seen.
func (w watched[T]) await(ctx context.Context, at T, within time.Duration, reached func(T) (bool, error)) (last T, ok bool, err error) {
	deadline := time.Now().Add(within)
	for {
		if ok, err := reached(at); ok || err != nil || !time.Now().Before(deadline) {
			return at, ok, err
		}
		if next, ok, err := w.awaitEvent(ctx, at, time.Until(deadline), reached); ok || err != nil {
			return next, ok, err
		}
		if at, err = w.look(ctx); err != nil {
			return at, false, err
		}
	}
}

// awaitEvent watches from the given state on, until the wanted one is there or
// the watch broke, was silent or told that the object is deleted.
func (w watched[T]) awaitEvent(ctx context.Context, at T, within time.Duration, reached func(T) (bool, error)) (T, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, min(within, w.IdleTimeout))
	defer cancel()
	watch, err := w.watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", at.GetName()).String(),
		ResourceVersion: at.GetResourceVersion(),
	})
	if err != nil {
		probe.Wait(ctx, w.RetryInterval)
		return at, false, nil // look tells whether the API server is away
	}
	defer watch.Stop()
	for ctx.Err() == nil {
		select {
		case e, open := <-watch.ResultChan():
			next, isOurs := e.Object.(T)
			switch {
			case !open:
				probe.Wait(ctx, w.RetryInterval)
				return at, false, nil
			case !isOurs || e.Type == watchapi.Deleted && next.GetName() == at.GetName():
				return at, false, nil
			case next.GetName() != at.GetName():
				continue // of a server that does not know the selector
			}
			if ok, err := reached(next); ok || err != nil {
				return next, ok, err
			}
		case <-ctx.Done():
		}
	}
	return at, false, nil
}
