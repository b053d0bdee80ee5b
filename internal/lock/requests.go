package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
)

func (l *Lease) get(ctx context.Context) (found *coordinationv1.Lease, err error) {
	err = l.retry(ctx, "acquire", func(ctx context.Context) error {
		found, err = l.Leases.Get(ctx, l.Name, metav1.GetOptions{})
		return err
	})
	return found, err
}

func (l *Lease) create(ctx context.Context) error {
	return l.retry(ctx, "acquire", func(ctx context.Context) (err error) {
		ctx, cancel := outlive(ctx)
		defer cancel()
		l.current, err = l.Leases.Create(ctx, l.desiredLease(nil), metav1.CreateOptions{})
		l.written = l.written || mayBeWritten(err)
		return err
	})
}

func (l *Lease) takeOver(ctx context.Context, found *coordinationv1.Lease) error {
	return l.retry(ctx, "acquire", func(ctx context.Context) (err error) {
		ctx, cancel := outlive(ctx)
		defer cancel()
		l.current, err = l.Leases.Update(ctx, l.desiredLease(found), metav1.UpdateOptions{})
		l.written = l.written || mayBeWritten(err)
		return err
	})
}

// writeGrace is how long an interrupted run waits for the response to a write: without it,
// the run would not know whether it holds the Lease, and could not release it.
const writeGrace = time.Second

// outlive returns a context that is done [writeGrace] after ctx.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(writeGrace, cancel) })
	return longer, func() { stop(); cancel() }
}

// mayBeWritten reports whether a request with this result may have changed the
// Lease. A class means that it was not sent, a status of 4xx that it was refused.
func mayBeWritten(err error) bool {
	var refused apierrors.APIStatus
	return fault.ClassOf(err) == "" && (!errors.As(err, &refused) || refused.Status().Code/100 != 4)
}

// retry repeats the request while the API server does not respond, for at most
// [LeaseOptions.APITimeout].
func (l *Lease) retry(ctx context.Context, doing string, request func(context.Context) error) error {
	for giveUp := time.Now().Add(l.APITimeout); ; {
		once, cancel := context.WithTimeout(ctx, l.Request)
		err := request(once)
		cancel()
		switch {
		case err == nil || isConflict(err):
			return err
		case fault.ClassOf(err) != "" || !kubeerr.IsTransient(err): // a class means that the request was not sent
			return fmt.Errorf("%s lock on %s: %w", doing, l.What, err)
		case time.Now().After(giveUp):
			return fault.New(fault.Inconclusive, fmt.Errorf("%s lock on %s: API server did not respond for %s: %w", doing, l.What, l.APITimeout, err),
				"check that the cluster is up, then run again")
		}
		if end := pause(ctx, l.Retry); end != nil {
			return fmt.Errorf("%s lock on %s: %w: %w", doing, l.What, end, err)
		}
	}
}
