package verify

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// handover waits while a Service may still lead to a pod that was replaced: one
// that drains would answer in the name of what replaced it, and a bad release
// would pass; to one that has ended a connection would hang. kube-proxy writes its
// rules at most once a second (its minSyncPeriod); for the writing itself there is
// the time in which the pods that ask start.
func (r *Runner) handover(ctx context.Context) error {
	if err := r.awaitEnd(ctx, r.DrainTimeout, r.someEnd); err != nil {
		return err
	}
	if left := r.DrainTimeout - time.Since(r.PodsReplacedAt); left > 0 {
		probe.Wait(ctx, left)
	}
	return nil
}

// awaitEnd waits at most so long while something is still so.
func (r *Runner) awaitEnd(ctx context.Context, within time.Duration, still func(context.Context) (bool, error)) error {
	for end := time.Now().Add(within); time.Now().Before(end); probe.Wait(ctx, r.RetryInterval) {
		if is, err := still(ctx); err != nil || !is {
			return err
		}
	}
	return nil
}

// someEnd reports whether a pod of the namespace was told to end and has not.
func (r *Runner) someEnd(ctx context.Context) (bool, error) {
	var pods *corev1.PodList
	err := r.persist(ctx, "look for pods that end", func(ctx context.Context) (err error) {
		pods, err = r.Client.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil }), nil
}
