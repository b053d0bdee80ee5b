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
)

func (l *Lease) get(ctx context.Context) (found *coordinationv1.Lease, err error) {
	err = l.persist(ctx, "take", func(ctx context.Context) error {
		found, err = l.Leases.Get(ctx, l.Name, metav1.GetOptions{})
		return err
	})
	return found, err
}

func (l *Lease) create(ctx context.Context) error {
	return l.persist(ctx, "take", func(ctx context.Context) (err error) {
		l.current, err = l.Leases.Create(ctx, l.wanted(nil), metav1.CreateOptions{})
		return err
	})
}

func (l *Lease) takeOver(ctx context.Context, found *coordinationv1.Lease) error {
	return l.persist(ctx, "take", func(ctx context.Context) (err error) {
		l.current, err = l.Leases.Update(ctx, l.wanted(found), metav1.UpdateOptions{})
		return err
	})
}

// persist repeats a request while the API server does not really answer, at
// most for the Lease's patience. doing says in errors what was tried.
func (l *Lease) persist(ctx context.Context, doing string, request func(context.Context) error) error {
	for giveUp := time.Now().Add(l.APITimeout); ; {
		once, cancel := context.WithTimeout(ctx, l.Request)
		err := request(once)
		cancel()
		switch {
		case err == nil || isRace(err):
			return err
		case !isTransient(err):
			return fmt.Errorf("%s the lock of %s: %w", doing, l.What, err)
		case time.Now().After(giveUp):
			return fault.New(fault.Inconclusive, fmt.Errorf("%s the lock of %s: the API server gave no answer for %s: %w", doing, l.What, l.APITimeout, err),
				"see whether the cluster is up, and run again")
		}
		if end := sleep(ctx, l.Retry); end != nil {
			return fmt.Errorf("%s the lock of %s: %w: %w", doing, l.What, end, err)
		}
	}
}

// isTransient tells an API server that is away or overloaded from one that
// answers. A request that was refused on its way, by a guard of ours, has a class.
func isTransient(err error) bool {
	if fault.ClassOf(err) != "" {
		return false
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return apierrors.IsTooManyRequests(err) || status.Status().Code >= 500
}
