package lock

import (
	"cmp"
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a Lease says beside its holder's identity.
const (
	annotationCommand = "tkdeploy.dev/command"
	annotationToken   = "tkdeploy.dev/token"
)

// Leases is the part of client-go's LeaseInterface that is used.
type Leases interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (*coordinationv1.Lease, error)
	Create(ctx context.Context, lease *coordinationv1.Lease, opts metav1.CreateOptions) (*coordinationv1.Lease, error)
	Update(ctx context.Context, lease *coordinationv1.Lease, opts metav1.UpdateOptions) (*coordinationv1.Lease, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
}

// LeaseOptions say which Lease is taken. Leases, Name and What must be set.
type LeaseOptions struct {
	Leases Leases
	Name   string
	What   string       // that is locked, in words
	OnWait func(string) // is told what is waited for; may be nil
	OnLost func(error)  // is told once if another run has taken the Lease; may be nil

	Duration   time.Duration // after the last renewal; default 30 s
	Renew      time.Duration // from one renewal to the next; default 10 s
	Retry      time.Duration // after a request that failed; default 1 s
	Request    time.Duration // for one request; default 5 s
	APITimeout time.Duration // with an API server that does not answer when the Lease is taken; default 120 s
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

// A Lease is a held Lease, which is renewed in the background.
type Lease struct {
	LeaseOptions
	file    *File
	current *coordinationv1.Lease // as last seen; the renewal's until it has stopped
	stop    context.CancelFunc
	stopped chan struct{}
}

// TakeLease takes the Lease and renews it, also after ctx has ended, until
// [Lease.Release] or [Lease.Pause]. If another run holds it, the error is a
// [*HeldError]; a Lease that looks as if it had run out is watched for its
// duration, and taken if nobody renews it.
func (l *File) AcquireLease(ctx context.Context, o LeaseOptions) (*Lease, error) {
	lease := &Lease{LeaseOptions: o.withDefaults(), file: l, stopped: make(chan struct{})}
	if err := lease.acquire(ctx); err != nil {
		return nil, err
	}
	l.record.Left = nil // their Lease is ours now
	ctx, lease.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(lease.stopped)
		lease.keep(ctx)
	}()
	return lease, nil
}

func (l *Lease) acquire(ctx context.Context) error {
	var watched *coordinationv1.Lease // it looked as if it had run out
	for {
		found, err := l.get(ctx)
		switch {
		case apierrors.IsNotFound(err):
			err = l.create(ctx)
		case err != nil:
			return err
		case l.isMine(found): // the answer to our own write was lost
			l.current = found
		case l.isFree(found) || watched != nil && found.ResourceVersion == watched.ResourceVersion:
			err = l.takeOver(ctx, found)
		case watched != nil || !hasRunOut(found, time.Now()):
			return l.heldBy(found)
		default:
			watched = found
			err = l.watch(ctx, found)
			if err == nil {
				continue
			}
		}
		if !isRace(err) {
			return err
		}
	}
}

// watch waits as long as the holder may stay silent.
func (l *Lease) watch(ctx context.Context, found *coordinationv1.Lease) error {
	l.OnWait(fmt.Sprintf("the lock of %s looks left behind by %s; waiting %s whether that run still renews it", l.What, holderOf(found), durationOf(found)))
	return sleep(ctx, durationOf(found))
}

// isRace tells that somebody else was faster: look again.
func isRace(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

func (l *Lease) isMine(found *coordinationv1.Lease) bool {
	return found.Annotations[annotationToken] == l.file.record.Token
}

func (l *Lease) isFree(found *coordinationv1.Lease) bool {
	identity := found.Spec.HolderIdentity
	return identity == nil || *identity == "" || l.file.isOver(found.Annotations[annotationToken])
}

// hasRunOut compares the holder's clock with ours. It serves only to tell what
// is worth watching: a Lease from the far future is, too.
func hasRunOut(found *coordinationv1.Lease, now time.Time) bool {
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
	return held(&HeldError{What: l.What, Holder: holderOf(found)},
		fmt.Sprintf("wait until it has ended; the lock of a run that was killed ends by itself %s after its last sign of life", durationOf(found)))
}

// Release stops the renewal and deletes the Lease if it still is ours. It
// repeats a request without an answer until ctx ends.
func (l *Lease) Release(ctx context.Context) error {
	l.Pause()
	err := l.persist(ctx, "give back", func(ctx context.Context) error {
		found, err := l.Leases.Get(ctx, l.Name, metav1.GetOptions{})
		if err != nil || !l.isMine(found) {
			return err
		}
		return l.Leases.Delete(ctx, l.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &found.UID, ResourceVersion: &found.ResourceVersion},
		})
	})
	if isRace(err) {
		return nil // gone, or another run's
	}
	return err
}

// Pause ends the renewal and waits for its end. The Lease stays until it runs out.
func (l *Lease) Pause() {
	l.stop()
	<-l.stopped
}
