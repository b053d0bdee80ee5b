package lock

import (
	"cmp"
	"context"
	"errors"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func (l *Lease) renewLoop(ctx context.Context) {
	delay := l.Renew
	for pause(ctx, delay) == nil {
		delay = l.Renew
		err := l.renew(ctx)
		var taken *HeldError
		switch {
		case errors.As(err, &taken):
			l.OnLost(err)
			return
		case err != nil:
			delay = l.Retry
		}
	}
}

func (l *Lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.Request)
	defer cancel()
	next := l.current.DeepCopy()
	next.Spec.RenewTime = ptr.To(metav1.NowMicro())
	renewed, err := l.Leases.Update(ctx, next, metav1.UpdateOptions{})
	switch {
	case err == nil:
		l.current = renewed
		return nil
	case apierrors.IsNotFound(err): // deleted manually; fails if another run was faster
		renewed, err = l.Leases.Create(ctx, l.desiredLease(nil), metav1.CreateOptions{})
		if err == nil {
			l.current = renewed
		}
		return err
	case !apierrors.IsConflict(err):
		return err
	}
	found, err := l.Leases.Get(ctx, l.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !l.isMine(found) {
		return lockedError(&HeldError{What: l.What, Holder: holderOf(found), Lost: true}, "run again when the other run has finished; this run wrote nothing more")
	}
	l.current = found // the response to our write was lost
	return nil
}

// desiredLease makes this run the holder of found, which may be nil.
func (l *Lease) desiredLease(found *coordinationv1.Lease) *coordinationv1.Lease {
	next := &coordinationv1.Lease{}
	if found != nil {
		next = found.DeepCopy()
		next.Spec.LeaseTransitions = ptr.To(ptr.Deref(found.Spec.LeaseTransitions, 0) + 1)
	}
	next.Name = l.Name
	metav1.SetMetaDataLabel(&next.ObjectMeta, "app.kubernetes.io/managed-by", "tkdeploy")
	metav1.SetMetaDataAnnotation(&next.ObjectMeta, annotationCommand, l.file.record.Command)
	metav1.SetMetaDataAnnotation(&next.ObjectMeta, annotationToken, l.file.record.Token)
	next.Spec.HolderIdentity = ptr.To(l.file.record.identity())
	next.Spec.LeaseDurationSeconds = ptr.To(int32(l.Duration / time.Second))
	next.Spec.AcquireTime = ptr.To(metav1.NewMicroTime(l.file.record.Since))
	next.Spec.RenewTime = ptr.To(metav1.NowMicro())
	return next
}

func holderOf(found *coordinationv1.Lease) Holder {
	h := parseIdentity(ptr.Deref(found.Spec.HolderIdentity, ""))
	h.Command = cmp.Or(found.Annotations[annotationCommand], "a run")
	if found.Spec.AcquireTime != nil {
		h.Since = found.Spec.AcquireTime.Time
	}
	return h
}
