package pods

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// Forever exceeds the deadline of any context.
const Forever = 365 * 24 * time.Hour

// Watcher waits for states of one object. It rereads the object if the watch
// breaks, stays silent or reports it as deleted.
type Watcher[T metav1.Object] struct {
	Client *Client
	Watch  func(context.Context, metav1.ListOptions) (watch.Interface, error)
	Get    func(context.Context) (T, error) // retries; fails if the object is gone
}

// Until waits until condition returns true or an error, starting with at, and
// returns the newest state. ok is false after timeout. condition must fail if
// the object cannot reach the state anymore.
func (w Watcher[T]) Until(ctx context.Context, at T, timeout time.Duration, condition func(T) (bool, error)) (last T, ok bool, err error) {
	deadline := time.Now().Add(timeout)
	for {
		if ok, err := condition(at); ok || err != nil || !time.Now().Before(deadline) {
			return at, ok, err
		}
		if next, ok, err := w.watchUntil(ctx, at, time.Until(deadline), condition); ok || err != nil {
			return next, ok, err
		}
		if at, err = w.Get(ctx); err != nil {
			return at, false, err
		}
	}
}

// watchUntil returns no error if the watch broke or stayed silent, or the
// object was deleted.
func (w Watcher[T]) watchUntil(ctx context.Context, at T, timeout time.Duration, condition func(T) (bool, error)) (T, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, min(timeout, w.Client.IdleTimeout))
	defer cancel()
	events, err := w.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", at.GetName()).String(),
		ResourceVersion: at.GetResourceVersion(),
	})
	if err != nil {
		sleep.For(ctx, w.Client.RetryInterval)
		return at, false, nil // Get reports an unavailable API server
	}
	defer events.Stop()
	for ctx.Err() == nil {
		select {
		case e, open := <-events.ResultChan():
			next, matches := e.Object.(T)
			switch {
			case !open:
				sleep.For(ctx, w.Client.RetryInterval)
				return at, false, nil
			case !matches || e.Type == watch.Deleted && next.GetName() == at.GetName():
				return at, false, nil
			case next.GetName() != at.GetName():
				continue // the server ignored the field selector
			}
			if ok, err := condition(next); ok || err != nil {
				return next, ok, err
			}
		case <-ctx.Done():
		}
	}
	return at, false, nil
}
