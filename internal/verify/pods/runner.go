package pods

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
)

// Runner manages pods of one kind in one namespace. All fields must be set.
type Runner struct {
	Client    *Client
	Namespace string
	Reporter  event.Reporter

	Subject   string // the pod in messages: "smoke test pod"
	Resources string // requests in hints: "10m CPU"
	PullHint  string // what to do if the image cannot be pulled
}

// ErrDeleted reports an object that another client deleted.
var ErrDeleted = errors.New("was deleted by another client")

// Create creates the pod. After a lost response it returns the existing one, so
// the name must be unique. [Runner.ExplainRefusal] adds to errors.
func (r *Runner) Create(ctx context.Context, pod *corev1.Pod) (created *corev1.Pod, err error) {
	pods := r.Client.API.CoreV1().Pods(r.Namespace)
	doing := fmt.Sprintf("create %s in namespace %s", r.Subject, r.Namespace)
	err = r.Client.Retry(ctx, doing, func(ctx context.Context) error {
		created, err = pods.Create(ctx, pod, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			created, err = pods.Get(ctx, pod.Name, metav1.GetOptions{})
		}
		return err
	})
	return created, r.ExplainRefusal(err)
}

// Get returns [ErrDeleted] of class [fault.Inconclusive] if the pod is gone.
func (r *Runner) Get(ctx context.Context, name string) (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := r.Client.Retry(ctx, fmt.Sprintf("get %s %s", r.Subject, name), func(ctx context.Context) (err error) {
		pod, err = r.Client.API.CoreV1().Pods(r.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, Inconclusive(fmt.Errorf("%s %s %w", r.Subject, name, ErrDeleted))
	}
	return pod, err
}

// Watcher returns a watcher for the pod.
func (r *Runner) Watcher(name string) Watcher[*corev1.Pod] {
	return Watcher[*corev1.Pod]{
		Client: r.Client,
		Watch:  r.Client.API.CoreV1().Pods(r.Namespace).Watch,
		Get:    func(ctx context.Context) (*corev1.Pod, error) { return r.Get(ctx, name) },
	}
}

// Delete deletes the pod without a grace period. A missing pod is not an error.
func (r *Runner) Delete(ctx context.Context, name string) error {
	now := int64(0)
	return r.Client.Retry(ctx, fmt.Sprintf("delete %s %s", r.Subject, name), func(ctx context.Context) error {
		err := r.Client.API.CoreV1().Pods(r.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// Remove deletes the pod even if ctx is done. A failure is only a warning,
// because the pod ends at its own deadline.
func (r *Runner) Remove(ctx context.Context, pod *corev1.Pod) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.Delete(ctx, pod.Name); err != nil {
		r.Reporter.Report(event.Warn(fmt.Sprintf("%v; delete it with: %s -n %s delete pod %s", err, r.Client.Kubectl, r.Namespace, pod.Name)))
	}
}

// ExplainRefusal adds class and hint if the API server refused the pod. The
// error already names the quota, limit or policy.
func (r *Runner) ExplainRefusal(err error) error {
	if err == nil || fault.ClassOf(err) != "" || !kubeerr.IsResponse(err) {
		return err
	}
	kubectl := r.Client.Kubectl
	hint := fmt.Sprintf("%s describe namespace %s", kubectl, r.Namespace)
	message := err.Error()
	switch {
	case apierrors.IsNotFound(err):
		hint = "create the namespace: tkdeploy up"
	case strings.Contains(message, "exceeded quota"), strings.Contains(message, "failed quota"):
		hint = fmt.Sprintf("make room for one more pod in the quota: %s -n %s describe resourcequota", kubectl, r.Namespace)
	case strings.Contains(message, "usage per"), strings.Contains(message, "limit to request ratio"):
		hint = fmt.Sprintf("adjust the LimitRange (%s requests %s): %s -n %s describe limitrange", r.Subject, r.Resources, kubectl, r.Namespace)
	}
	return fault.New(fault.Smoke, err, hint)
}
