package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	annotationCommand = "tkdeploy.dev/command"
	annotationToken   = "tkdeploy.dev/token"
)

// Leases is a part of client-go's LeaseInterface.
type Leases interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (*coordinationv1.Lease, error)
	Create(ctx context.Context, lease *coordinationv1.Lease, opts metav1.CreateOptions) (*coordinationv1.Lease, error)
	Update(ctx context.Context, lease *coordinationv1.Lease, opts metav1.UpdateOptions) (*coordinationv1.Lease, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
}

// LeaseOptions configures a Lease. Leases, Name and What are required.
type LeaseOptions struct {
	Leases Leases
	Name   string
	What   string       // locked resource, for messages
	OnWait func(string) // called with a message before a wait; may be nil
	OnLost func(error)  // called once if another run holds the Lease; may be nil

	Duration   time.Duration // validity after a renewal; default 30 s
	Renew      time.Duration // interval of renewals; default 10 s
	Retry      time.Duration // delay after a failed request; default 1 s
	Request    time.Duration // timeout of a request; default 5 s
	APITimeout time.Duration // limit for retries; default 120 s
}

func (o LeaseOptions) withDefaults() LeaseOptions {
	o.Duration = cmp.Or(o.Duration, 30*time.Second)
	o.Renew = cmp.Or(o.Renew, 10*time.Second)
	o.Retry = cmp.Or(o.Retry, time.Second)
	o.Request = cmp.Or(o.Request, 5*time.Second)
	o.APITimeout = cmp.Or(o.APITimeout, 120*time.Second)
	if o.OnWait == nil {
		o.OnWait = func(string) {}
	}
	if o.OnLost == nil {
		o.OnLost = func(error) {}
	}
	return o
}

// Lease is a held Lease that is renewed in the background.
type Lease struct {
	LeaseOptions
	file    *File
	current *coordinationv1.Lease // used by renewLoop until stopped is closed
	written bool                  // a request may have changed the Lease, even if its response was lost
	stop    context.CancelFunc
	stopped chan struct{}
}

// AcquireLease acquires the Lease and renews it until [Lease.Release] or
// [Lease.Pause], even after ctx is done. It returns a [*HeldError] if another run
// holds the Lease. It observes a Lease that appears expired, then takes it over.
func (l *File) AcquireLease(ctx context.Context, o LeaseOptions) (*Lease, error) {
	lease := &Lease{LeaseOptions: o.withDefaults(), file: l, stopped: make(chan struct{})}
	if err := lease.acquire(ctx); err != nil {
		var held *HeldError
		l.inDoubt = lease.written && !errors.As(err, &held)
		return nil, err
	}
	l.record.StaleTokens = nil // this run now holds their Lease
	ctx, lease.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(lease.stopped)
		lease.renewLoop(ctx)
	}()
	return lease, nil
}

func (l *Lease) acquire(ctx context.Context) error {
	var watched *coordinationv1.Lease // appeared expired
	for {
		found, err := l.get(ctx)
		switch {
		case apierrors.IsNotFound(err):
			err = l.create(ctx)
		case err != nil:
			return err
		case l.isMine(found): // the response to our write was lost
			l.current = found
		case l.isFree(found) || watched != nil && found.ResourceVersion == watched.ResourceVersion:
			err = l.takeOver(ctx, found)
		case watched != nil || !isExpired(found, time.Now()):
			return l.heldBy(found)
		default:
			watched = found
			err = l.watch(ctx, found)
			if err == nil {
				continue
			}
		}
		if !isConflict(err) {
			return err
		}
	}
}

func (l *Lease) watch(ctx context.Context, found *coordinationv1.Lease) error {
	l.OnWait(fmt.Sprintf("lock on %s appears abandoned by %s; waiting %s for a renewal", l.What, holderOf(found), durationOf(found)))
	return pause(ctx, durationOf(found))
}

func isConflict(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

func (l *Lease) isMine(found *coordinationv1.Lease) bool {
	return found.Annotations[annotationToken] == l.file.record.Token
}

func (l *Lease) isFree(found *coordinationv1.Lease) bool {
	identity := found.Spec.HolderIdentity
	return identity == nil || *identity == "" || l.file.hasEnded(found.Annotations[annotationToken])
}

// isExpired compares the clocks of two machines, so it only decides whether to
// watch the Lease.
func isExpired(found *coordinationv1.Lease, now time.Time) bool {
	if found.Spec.RenewTime == nil {
		return true
	}
	return now.Sub(found.Spec.RenewTime.Time).Abs() >= durationOf(found)
}

func durationOf(found *coordinationv1.Lease) time.Duration {
	if seconds := found.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		return time.Duration(*seconds) * time.Second
	}
	return 30 * time.Second
}

func (l *Lease) heldBy(found *coordinationv1.Lease) error {
	return lockedError(&HeldError{What: l.What, Holder: holderOf(found)},
		fmt.Sprintf("wait for it to finish; the lock of a killed run expires %s after its last renewal", durationOf(found)))
}

// Release stops the renewal and deletes the Lease if this run still holds it. It
// retries for at most APITimeout.
func (l *Lease) Release(ctx context.Context) error {
	l.Pause()
	err := l.retry(ctx, "release", func(ctx context.Context) error {
		found, err := l.Leases.Get(ctx, l.Name, metav1.GetOptions{})
		if err != nil || !l.isMine(found) {
			return err
		}
		return l.Leases.Delete(ctx, l.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &found.UID, ResourceVersion: &found.ResourceVersion},
		})
	})
	if isConflict(err) {
		return nil // deleted, or held by another run
	}
	return err
}

// Pause stops the renewal. The Lease is held until it expires.
func (l *Lease) Pause() {
	l.stop()
	<-l.stopped
}
