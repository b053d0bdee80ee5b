package release

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
)

// ensureNamespace creates the namespace. The chart must not contain it, because an
// uninstall would delete it with everything in it.
func (c *Client) ensureNamespace(ctx context.Context, report event.Reporter) (created bool, err error) {
	ns, err := c.activeNamespace(ctx, report)
	if err != nil || ns != nil {
		return false, err
	}
	_, err = c.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{
			Name:   c.namespace,
			Labels: map[string]string{drift.ManagedByLabel: "tkdeploy"},
		},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create namespace %s: %w", c.namespace, err)
	}
	return true, nil
}

// AwaitNamespace waits until a namespace that is being deleted is gone, as [Client.Apply]
// does.
func (c *Client) AwaitNamespace(ctx context.Context, report event.Reporter) error {
	_, err := c.activeNamespace(ctx, report)
	return applyError(err)
}

func (c *Client) activeNamespace(ctx context.Context, report event.Reporter) (*corev1.Namespace, error) {
	ns, err := c.drift.LiveNamespace(ctx)
	if err != nil || ns == nil || ns.DeletionTimestamp == nil {
		return ns, err
	}
	report.Report(event.Progress(c.name, "waiting for the deletion of namespace "+c.namespace))
	return nil, c.awaitDeletion(ctx, ns)
}

func (c *Client) awaitDeletion(ctx context.Context, last *corev1.Namespace) error {
	err := wait.PollUntilContextTimeout(ctx, c.opts.NamespacePoll, c.opts.NamespaceWait, true,
		func(ctx context.Context) (bool, error) {
			ns, err := c.drift.LiveNamespace(ctx)
			if ns != nil {
				last = ns
			}
			return ns == nil && err == nil, err
		})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !wait.Interrupted(err):
		return err
	}
	return fault.New(fault.Apply,
		fmt.Errorf("namespace %s is still being deleted after %v: %s", c.namespace, c.opts.NamespaceWait, blockers(last)),
		"remove what blocks it, or its finalizers: kubectl get namespace "+c.namespace+" -o yaml")
}

func blockers(ns *corev1.Namespace) string {
	var found []string
	for _, condition := range ns.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			found = append(found, condition.Message)
		}
	}
	finalizers := ns.Finalizers
	for _, f := range ns.Spec.Finalizers {
		finalizers = append(finalizers, string(f))
	}
	if len(finalizers) > 0 {
		found = append(found, "finalizers "+strings.Join(finalizers, ", "))
	}
	return strings.Join(found, "; ")
}
