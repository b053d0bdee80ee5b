// Package hooks removes what the hooks of an unfinished run left, because it would block
// the hooks of the next one.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
)

// Cleaner removes leftovers of one release.
type Cleaner struct {
	Drift   *drift.Client
	Timeout time.Duration // until a deleted object is gone
}

// Clean removes the objects that hooks of unfinished revisions in history left, and
// returns their names. It then fails if a hook of next that runs at one of the events
// would still find its object: Helm would create it again and fail. next may be nil.
//
// An object is a leftover only if it belongs to the release, and its hook deletes it
// when it succeeds or is part of the newest, unfinished revision. Hooks with the delete
// policy before-hook-creation are Helm's to replace.
func (c Cleaner) Clean(ctx context.Context, history []*release.Release, next *release.Release, events ...release.HookEvent) ([]string, error) {
	var removed []string
	var blocked []unstructured.Unstructured
	for _, h := range candidates(history, next, events) {
		object, resource, err := c.live(ctx, h.object)
		switch {
		case err != nil:
			return removed, fmt.Errorf("read hook %s: %w", chart.ObjectName(h.object), err)
		case object == nil:
		case c.Drift.Owns(object) && h.leftover:
			if err := c.remove(ctx, resource, object); err != nil {
				return removed, fmt.Errorf("remove what an unfinished hook left: %s: %w", chart.ObjectName(h.object), err)
			}
			removed = append(removed, chart.ObjectName(h.object))
		case h.blocks:
			blocked = append(blocked, *object)
		}
	}
	return removed, blockedError(blocked)
}

func (c Cleaner) live(ctx context.Context, o unstructured.Unstructured) (*unstructured.Unstructured, dynamic.ResourceInterface, error) {
	resource, err := c.Drift.ResourceFor(o)
	if meta.IsNoMatchError(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, nil
	}
	return live, resource, err
}

const pollInterval = 200 * time.Millisecond

// remove deletes an object and waits until it is gone.
func (c Cleaner) remove(ctx context.Context, resource dynamic.ResourceInterface, o *unstructured.Unstructured) error {
	err := resource.Delete(ctx, o.GetName(), metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: ptr.To(o.GetUID())},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, pollInterval, c.Timeout, true, func(ctx context.Context) (bool, error) {
		_, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("still being deleted after %v", c.Timeout)
	}
	return err
}

func blockedError(blocked []unstructured.Unstructured) error {
	if len(blocked) == 0 {
		return nil
	}
	var errs []error
	var commands []string
	for _, o := range blocked {
		errs = append(errs, fmt.Errorf("hook %s: the object exists already", chart.ObjectName(o)))
		name := strings.ToLower(o.GetKind())
		if group := o.GroupVersionKind().Group; group != "" {
			name += "." + group
		}
		command := "kubectl delete " + name + "/" + o.GetName()
		if o.GetNamespace() != "" {
			command += " -n " + o.GetNamespace()
		}
		commands = append(commands, command)
	}
	return fault.New(fault.Apply, errors.Join(errs...),
		"delete it, or add the hook-delete-policy before-hook-creation in the chart:\n"+strings.Join(commands, "\n"))
}
