package release

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// neverPruned are kinds whose deletion also deletes other data.
var neverPruned = []string{"CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"}

// pruneObjects deletes live objects that only earlier revisions have, except those with
// the resource policy keep.
func (c *Client) pruneObjects(ctx context.Context, earlier []*release.Release, rel *release.Release) error {
	current, err := chart.Objects(rel.Manifest)
	if err != nil {
		return fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	for _, o := range removedObjects(earlier, rel.Manifest, current) {
		if err := c.deleteOwned(ctx, o); err != nil {
			return fmt.Errorf("delete %s, which is not in revision %d: %w", chart.ObjectName(o), rel.Version, err)
		}
	}
	return nil
}

// removedObjects compares only kind and name, because the API version may change between
// revisions.
func removedObjects(earlier []*release.Release, manifest string, current []unstructured.Unstructured) []unstructured.Unstructured {
	var gone []unstructured.Unstructured
	seen := map[string]bool{manifest: true}
	for _, rel := range earlier {
		if seen[rel.Manifest] {
			continue
		}
		seen[rel.Manifest] = true
		all, err := chart.Objects(rel.Manifest)
		if err != nil {
			continue
		}
		for _, o := range all {
			same := func(other unstructured.Unstructured) bool {
				return o.GetKind() == other.GetKind() && o.GetName() == other.GetName()
			}
			if !slices.ContainsFunc(current, same) && !slices.ContainsFunc(gone, same) && !slices.Contains(neverPruned, o.GetKind()) {
				gone = append(gone, o)
			}
		}
	}
	return gone
}

func (c *Client) deleteOwned(ctx context.Context, o unstructured.Unstructured) error {
	resource, err := c.drift.ResourceFor(o)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err == nil && live.GetDeletionTimestamp() == nil && c.mayDelete(live) {
		err = resource.Delete(ctx, o.GetName(), metav1.DeleteOptions{
			Preconditions:     &metav1.Preconditions{UID: ptr.To(live.GetUID())},
			PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
		})
		if err == nil {
			c.writes.Add(1)
		}
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (c *Client) mayDelete(live *unstructured.Unstructured) bool {
	return c.drift.Owns(live) && live.GetAnnotations()[kube.ResourcePolicyAnno] != kube.KeepPolicy
}
