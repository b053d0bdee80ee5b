package hooks

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/sleep"
)

const jobLabel = "batch.kubernetes.io/job-name" // on the pods of a Job

func (r *Runner) resource(hook Hook) dynamic.ResourceInterface {
	resource := r.Objects.Resource(hook.Resource)
	if hook.Object.GetNamespace() == "" {
		return resource
	}
	return resource.Namespace(hook.Object.GetNamespace())
}

// create reports exists if the object already exists, which is an error as in Helm.
func (r *Runner) create(ctx context.Context, hook Hook) (created *unstructured.Unstructured, exists bool, err error) {
	object, attempts := withDeadline(ctx, hook), 0
	err = r.Pods.Retry(ctx, "create "+hook.String(), func(ctx context.Context) error {
		attempts++
		created, err = r.resource(hook).Create(ctx, object, metav1.CreateOptions{FieldManager: "tkdeploy"})
		if apierrors.IsAlreadyExists(err) && attempts > 1 { // an earlier response was lost
			created, err = r.resource(hook).Get(ctx, object.GetName(), metav1.GetOptions{})
		}
		return err
	})
	if apierrors.IsAlreadyExists(err) {
		hint := "set its hook-delete-policy to before-hook-creation, or delete it: " + r.deleteCommand(hook)
		return nil, true, fault.New(fault.Smoke, err, hint)
	}
	return created, false, r.podRunner(hook).ExplainRefusal(err)
}

// withDeadline sets a deadline that ends a pod or Job if tkdeploy is killed.
func withDeadline(ctx context.Context, hook Hook) *unstructured.Unstructured {
	object := hook.Object.DeepCopy()
	deadline, ok := ctx.Deadline()
	_, exists, err := unstructured.NestedFieldNoCopy(object.Object, "spec", "activeDeadlineSeconds")
	if !ok || exists || err != nil || !hook.isTest() {
		return object
	}
	left := time.Until(deadline) + 10*time.Second
	seconds := int64(left.Round(time.Second) / time.Second)
	if unstructured.SetNestedField(object.Object, seconds, "spec", "activeDeadlineSeconds") != nil {
		return hook.Object.DeepCopy() // no spec: the API server reports it
	}
	return object
}

// remove deletes the hook even if ctx is done. A canceled run must end within
// 10 s. A failure is only a warning.
func (r *Runner) remove(ctx context.Context, hook Hook) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if hook.Resource.Empty() {
		return
	}
	if err := r.delete(ctx, hook); err != nil {
		r.Reporter.Report(event.Warn(fmt.Sprintf("%v; delete it with: %s", err, r.deleteCommand(hook))))
	}
}

func (r *Runner) deleteCommand(hook Hook) string {
	return fmt.Sprintf("%s -n %s delete %s %s", r.Pods.Kubectl, hook.Object.GetNamespace(), strings.ToLower(hook.Object.GetKind()), hook.Object.GetName())
}

// delete waits until the object is gone. Like Helm, it keeps
// CustomResourceDefinitions, and so their objects.
func (r *Runner) delete(ctx context.Context, hook Hook) error {
	if hook.Object.GetKind() == "CustomResourceDefinition" {
		return nil
	}
	now, foreground := int64(0), metav1.DeletePropagationForeground
	options := metav1.DeleteOptions{}
	switch {
	case hook.isPod():
		options.GracePeriodSeconds = &now
	case hook.isJob(): // stays until its pods are gone
		options.PropagationPolicy = &foreground
	}
	gone := false
	err := r.Pods.Retry(ctx, "delete "+hook.String(), func(ctx context.Context) error {
		err := r.resource(hook).Delete(ctx, hook.Object.GetName(), options)
		gone = apierrors.IsNotFound(err)
		return ignoreNotFound(err)
	})
	if err == nil && !gone && hook.isJob() {
		err = r.deletePods(ctx, hook)
	}
	for err == nil && !gone {
		err = r.Pods.Retry(ctx, "wait for the deletion of "+hook.String(), func(ctx context.Context) error {
			_, err := r.resource(hook).Get(ctx, hook.Object.GetName(), metav1.GetOptions{})
			gone = apierrors.IsNotFound(err)
			return ignoreNotFound(err)
		})
		if err == nil && !gone {
			sleep.For(ctx, r.Pods.RetryInterval)
		}
	}
	return err
}

func (r *Runner) deletePods(ctx context.Context, hook Hook) error {
	now := int64(0)
	return r.Pods.Retry(ctx, "delete the pods of "+hook.String(), func(ctx context.Context) error {
		return r.Pods.API.CoreV1().Pods(hook.Object.GetNamespace()).DeleteCollection(ctx,
			metav1.DeleteOptions{GracePeriodSeconds: &now},
			metav1.ListOptions{LabelSelector: labels.Set{jobLabel: hook.Object.GetName()}.String()})
	})
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
