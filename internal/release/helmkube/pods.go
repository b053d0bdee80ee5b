package helmkube

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	podInterval = 500 * time.Millisecond
	verdictWait = 3 * time.Second // for the reason of a failed pod
)

// awaitPods waits until the pods of a hook have succeeded, because a ready pod may still
// fail. judge may find a reason earlier.
func (c *Client) awaitPods(ctx context.Context, namespace string, pods []string, judge func(context.Context) error) error {
	kube, err := c.Factory.KubernetesClientSet()
	if err != nil {
		return err
	}
	v := startVerdict(ctx, judge)
	defer v.end()
	clock := time.NewTicker(podInterval)
	defer clock.Stop()
	for {
		running, failed, err := readPods(ctx, kube, namespace, pods)
		switch {
		case ctx.Err() != nil:
			if err := v.failure(time.After(verdictWait)); err != nil {
				return err
			}
			return fault.New(fault.Inconclusive, fmt.Errorf("pod %s is not complete", text.Abbreviate(pods, 3)), "increase --timeout")
		case err != nil:
			return err
		case failed != nil:
			if err := v.failure(time.After(verdictWait)); err != nil {
				return err
			}
			return podError(ctx, kube, failed, c.op.Load().redact)
		case running == 0:
			return nil
		}
		if err := v.failure(clock.C); err != nil {
			return err
		}
	}
}

// verdict is a judge that runs in parallel.
type verdict struct {
	result chan error
	stop   context.CancelFunc
}

func startVerdict(ctx context.Context, judge func(context.Context) error) verdict {
	ctx, stop := context.WithCancel(ctx)
	v := verdict{make(chan error, 1), stop}
	go func() {
		defer close(v.result)
		err := judge(ctx)
		if err == nil {
			<-ctx.Done() // ready is not complete
		}
		v.result <- err
	}()
	return v
}

// failure returns the reason that the judge finds before wait is over, or nil.
func (v verdict) failure(wait <-chan time.Time) error {
	select {
	case err := <-v.result:
		return err
	case <-wait:
		return nil
	}
}

func (v verdict) end() {
	v.stop()
	for range v.result { // until it is closed
	}
}

// readPods counts a deleted pod as complete, as Helm does.
func readPods(ctx context.Context, kube kubernetes.Interface, namespace string, names []string) (running int, failed *corev1.Pod, err error) {
	for _, name := range names {
		pod, err := kube.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil && kubeerr.IsTransient(err):
			running++
		case err != nil:
			return 0, nil, fmt.Errorf("read pod %s: %w", name, err)
		case pod.Status.Phase == corev1.PodFailed:
			return 0, pod, nil
		case pod.Status.Phase != corev1.PodSucceeded:
			running++
		}
	}
	return running, nil, nil
}
