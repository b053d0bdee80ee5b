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

// ensureNamespace creates the namespace unless it is there. One that is being
// deleted is waited for; if it does not go in time, the error names what holds
// it. The chart must not bring the namespace itself: uninstalling would delete
// it with all that is in it.
func (c *Client) ensureNamespace(ctx context.Context, report event.Reporter) (created bool, err error) {
	ns, err := c.settledNamespace(ctx, report)
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

// AwaitNamespace waits until a namespace that is being deleted is gone; see
// [Client.Apply], which does so too. One that is not there is fine.
func (c *Client) AwaitNamespace(ctx context.Context, report event.Reporter) error {
	_, err := c.settledNamespace(ctx, report)
	return failed(err)
}

// settledNamespace is the namespace, or nil where there is none, or none any more.
func (c *Client) settledNamespace(ctx context.Context, report event.Reporter) (*corev1.Namespace, error) {
	ns, err := c.drift.LiveNamespace(ctx)
	if err != nil || ns == nil || ns.DeletionTimestamp == nil {
		return ns, err
	}
	report.Report(event.Progress(c.name, "waiting for namespace "+c.namespace+", which is being deleted"))
	return nil, c.awaitGone(ctx, ns)
}

// awaitGone waits for a namespace that was last seen so.
func (c *Client) awaitGone(ctx context.Context, last *corev1.Namespace) error {
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
		fmt.Errorf("namespace %s is still being deleted after %v: %s", c.namespace, c.opts.NamespaceWait, holders(last)),
		"remove what holds it, or its finalizers: kubectl get namespace "+c.namespace+" -o yaml")
}

// holders says what keeps a namespace from going away: its own finalizers, and
// what the namespace controller tells of its content.
func holders(ns *corev1.Namespace) string {
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
