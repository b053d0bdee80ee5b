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
// covers the update itself. It returns the pods of the namespace.
func (r *Runner) awaitEndpointDrain(ctx context.Context) (pods []corev1.Pod, err error) {
	err = r.waitWhile(ctx, r.options.DrainTimeout, func(ctx context.Context) (bool, error) {
		var err error
		pods, err = r.listPods(ctx, r.options.Namespace)
		return slices.ContainsFunc(pods, isTerminating), err
	})
	if err != nil {
		return nil, err
	}
	if left := r.options.DrainTimeout - time.Since(r.options.PodsReplacedAt); left > 0 {
		sleep.For(ctx, left)
	}
	return pods, nil
}

func (r *Runner) waitWhile(ctx context.Context, timeout time.Duration, condition func(context.Context) (bool, error)) error {
	for end := time.Now().Add(timeout); time.Now().Before(end); sleep.For(ctx, r.options.RetryInterval) {
		if holds, err := condition(ctx); err != nil || !holds {
			return err
		}
	}
	return nil
}

func isTerminating(p corev1.Pod) bool { return p.DeletionTimestamp != nil }

func (r *Runner) listPods(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	var list *corev1.PodList
	err := r.pods.Retry(ctx, "list pods", func(ctx context.Context) (err error) {
		list, err = r.options.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}
