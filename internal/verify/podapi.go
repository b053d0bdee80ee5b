package verify

import (
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// sweep deletes what a run that was killed has left.
func (r *run) sweep(ctx context.Context) error {
	pods := r.Client.CoreV1().Pods(r.Namespace)
	var left *corev1.PodList
	err := r.persist(ctx, "look for pods of an earlier smoke test", func(ctx context.Context) (err error) {
		left, err = pods.List(ctx, metav1.ListOptions{LabelSelector: labels.Set(r.labels()).String()})
		return err
	})
	if err != nil {
		return err
	}
	for _, pod := range left.Items {
		if err := r.delete(ctx, pod.Name); err != nil {
			return err
		}
	}
	return nil
}

// create is safe to repeat after a lost answer: the name is ours alone.
func (r *run) create(ctx context.Context, pod *corev1.Pod) (created *corev1.Pod, err error) {
	pods := r.Client.CoreV1().Pods(r.Namespace)
	doing := fmt.Sprintf("create the smoke test's pod in namespace %s", r.Namespace)
	err = r.persist(ctx, doing, func(ctx context.Context) error {
		created, err = pods.Create(ctx, pod, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			created, err = pods.Get(ctx, pod.Name, metav1.GetOptions{})
		}
		return err
	})
	return created, r.refused(err)
}

// remove deletes the pod with a short time of its own, since ctx may be over.
// That it fails is no verdict on the app: the pod ends by its own deadline.
func (r *run) remove(ctx context.Context, pod *corev1.Pod) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := r.delete(ctx, pod.Name); err != nil {
		r.reporter.Report(event.Warn(fmt.Sprintf("%v; delete it with: %s -n %s delete pod %s", err, r.Kubectl, r.Namespace, pod.Name)))
	}
}

func (r *run) delete(ctx context.Context, name string) error {
	now := int64(0)
	return r.persist(ctx, "delete the smoke test's pod "+name, func(ctx context.Context) error {
		err := r.Client.CoreV1().Pods(r.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// openLog follows the log from its beginning.
func (r *run) openLog(ctx context.Context, pod string) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: containerName, Follow: true}
	return r.Client.CoreV1().Pods(r.Namespace).GetLogs(pod, options).Stream(ctx)
}

// look reads the pod. That it is gone is an error: only this run deletes it.
func (r *run) look(ctx context.Context, name string) (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := r.persist(ctx, "look at the smoke test's pod "+name, func(ctx context.Context) (err error) {
		pod, err = r.Client.CoreV1().Pods(r.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, undecided(fmt.Errorf("the smoke test's pod %s was deleted by someone else", name))
	}
	return pod, err
}
