package helmkube

import (
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Update applies target. Unlike Helm's, it merges custom resources with the live ones:
// otherwise it would keep what an unfinished revision has written.
//
// An object that exists but is not in original keeps the fields that target does not
// set, and a rollback keeps all of a kept one. A rollback of Helm would remove them, such
// as the volume of a claim, which is immutable.
//
// Before that, it removes the fields that the revisions of [Operation.Undo] have added.
// It does not delete their further objects, which may be volumes, or no longer theirs.
func (c *Client) Update(original, target kube.ResourceList, force bool) (*kube.Result, error) {
	if err := c.keepReplicas(target); err != nil {
		return nil, err
	}
	if c.op.Load().action == Rollback {
		if err := adoptKept(original, target); err != nil {
			return nil, err
		}
	}
	return c.apply(target, func() (*kube.Result, error) {
		for _, manifest := range c.op.Load().undo {
			partly, err := c.Client.Build(strings.NewReader(manifest), false)
			if err != nil {
				return nil, fmt.Errorf("read the manifest of an unfinished revision: %w", err)
			}
			if result, err := c.UpdateThreeWayMerge(withTarget(partly.Intersect(target), target), copyOf(target), force); err != nil {
				return result, err
			}
		}
		return c.UpdateThreeWayMerge(withTarget(original, target), target, force)
	})
}

func (c *Client) keepReplicas(target kube.ResourceList) error {
	for _, info := range target {
		o, ok := info.Object.(*unstructured.Unstructured)
		if !ok || c.KeptReplicas == nil {
			continue
		}
		if replicas, ok := c.KeptReplicas(o.GetKind(), info.Namespace, info.Name); ok {
			if err := unstructured.SetNestedField(o.Object, replicas, "spec", "replicas"); err != nil {
				return err
			}
		}
	}
	return nil
}

// withTarget adds the objects of target that are not in original.
func withTarget(original, target kube.ResourceList) kube.ResourceList {
	original = slices.Clone(original)
	for _, info := range target {
		if original.Get(info) == nil {
			original.Append(info)
		}
	}
	return original
}

// copyOf returns a copy, because an update replaces the objects by the live ones.
func copyOf(objects kube.ResourceList) kube.ResourceList {
	var copies kube.ResourceList
	for _, info := range objects {
		info := *info
		info.Object = info.Object.DeepCopyObject()
		copies.Append(&info)
	}
	return copies
}

// adoptKept replaces the objects of target that are not in original by the live ones if
// those were kept.
func adoptKept(original, target kube.ResourceList) error {
	for _, info := range target {
		if original.Get(info) != nil {
			continue
		}
		live := *info
		err := live.Get()
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", info.ObjectName(), err)
		}
		if o, ok := live.Object.(*unstructured.Unstructured); ok && o.GetAnnotations()[kube.ResourcePolicyAnno] == kube.KeepPolicy {
			*info = live
		}
	}
	return nil
}

func (c *Client) apply(objects kube.ResourceList, write func() (*kube.Result, error)) (*kube.Result, error) {
	before := c.writes.Load()
	result, err := write()
	switch {
	case err == nil:
		c.op.Load().applied(All, objects)
	case c.writes.Load() > before:
		c.op.Load().applied(Some, nil)
	}
	return result, err
}
