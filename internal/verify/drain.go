package verify

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// awaitEndpointDrain waits while a Service may route to a replaced pod, which
// could respond in place of a bad replacement, or hang. kube-proxy updates its
// rules at most once a second (minSyncPeriod); the start of the smoke test pod
// covers the update itself.
func (r *Runner) awaitEndpointDrain(ctx context.Context) error {
	if err := r.waitWhile(ctx, r.options.DrainTimeout, r.hasTerminatingPods); err != nil {
		return err
	}
	if left := r.options.DrainTimeout - time.Since(r.options.PodsReplacedAt); left > 0 {
		sleep.For(ctx, left)
	}
	return nil
}

func (r *Runner) waitWhile(ctx context.Context, timeout time.Duration, condition func(context.Context) (bool, error)) error {
	for end := time.Now().Add(timeout); time.Now().Before(end); sleep.For(ctx, r.options.RetryInterval) {
		if holds, err := condition(ctx); err != nil || !holds {
			return err
		}
	}
	return nil
}

func (r *Runner) hasTerminatingPods(ctx context.Context) (bool, error) {
	var list *corev1.PodList
	err := r.pods.Retry(ctx, "list terminating pods", func(ctx context.Context) (err error) {
		list, err = r.options.Client.CoreV1().Pods(r.options.Namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil }), nil
}
