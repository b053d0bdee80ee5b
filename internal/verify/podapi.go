package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A podCase is how one pod is started, watched and taken away again.
type podCase struct {
	Runner   // its Namespace is the pod's
	reporter event.Reporter
	what     string // as messages name it: "the smoke test's pod"
	asks     string // the resources that it asks for, in words
	pull     string // what to do if its image cannot be had
}

// errGone is a pod that someone else has deleted.
var errGone = errors.New("was deleted by someone else")

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
func (p *podCase) create(ctx context.Context, pod *corev1.Pod) (created *corev1.Pod, err error) {
	pods := p.Client.CoreV1().Pods(p.Namespace)
	doing := fmt.Sprintf("create %s in namespace %s", p.what, p.Namespace)
	err = p.persist(ctx, doing, func(ctx context.Context) error {
		created, err = pods.Create(ctx, pod, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			created, err = pods.Get(ctx, pod.Name, metav1.GetOptions{})
		}
		return err
	})
	return created, p.refused(err)
}

// remove deletes the pod with a short time of its own, since ctx may be over.
// That it fails is no verdict on the app: the pod ends by its own deadline.
func (p *podCase) remove(ctx context.Context, pod *corev1.Pod) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := p.delete(ctx, pod.Name); err != nil {
		p.reporter.Report(event.Warn(fmt.Sprintf("%v; delete it with: %s -n %s delete pod %s", err, p.Kubectl, p.Namespace, pod.Name)))
	}
}

func (p *podCase) delete(ctx context.Context, name string) error {
	now := int64(0)
	return p.persist(ctx, fmt.Sprintf("delete %s %s", p.what, name), func(ctx context.Context) error {
		err := p.Client.CoreV1().Pods(p.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// openLog opens the log of a container at its beginning. To follow the log of
// one that has ended is half a second's waiting for the kubelet.
func (p *podCase) openLog(ctx context.Context, pod, container string, follow bool) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: container, Follow: follow}
	return p.Client.CoreV1().Pods(p.Namespace).GetLogs(pod, options).Stream(ctx)
}

// look reads the pod. That it is gone is an error: only this run deletes it.
func (p *podCase) look(ctx context.Context, name string) (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := p.persist(ctx, fmt.Sprintf("look at %s %s", p.what, name), func(ctx context.Context) (err error) {
		pod, err = p.Client.CoreV1().Pods(p.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, undecided(fmt.Errorf("%s %s %w", p.what, name, errGone))
	}
	return pod, err
}
