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

// neverSwept are the kinds whose deletion takes more with it than the object.
var neverSwept = []string{"CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"}

// sweep deletes the live objects of earlier revisions that rel does not have.
// Helm compares with one revision only, so what a run that failed has made or
// failed to delete would stay for ever. An object that is another's by now, or
// is marked as to keep, stays.
func (c *Client) sweep(ctx context.Context, earlier []*release.Release, rel *release.Release) error {
	wanted, err := chart.Objects(rel.Manifest)
	if err != nil {
		return fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	for _, o := range dropped(earlier, rel.Manifest, wanted) {
		if err := c.deleteOwn(ctx, o); err != nil {
			return fmt.Errorf("delete %s, which revision %d does not have: %w", chart.ObjectName(o), rel.Version, err)
		}
	}
	return nil
}

// dropped are the objects of earlier revisions that are not among the wanted.
// The version of an API may differ from one revision to the next, its group
// too. A manifest that cannot be read has none.
func dropped(earlier []*release.Release, manifest string, wanted []unstructured.Unstructured) []unstructured.Unstructured {
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
			if !slices.ContainsFunc(wanted, same) && !slices.ContainsFunc(gone, same) && !slices.Contains(neverSwept, o.GetKind()) {
				gone = append(gone, o)
			}
		}
	}
	return gone
}

func (c *Client) deleteOwn(ctx context.Context, o unstructured.Unstructured) error {
	resource, err := c.drift.ResourceFor(o)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err == nil && live.GetDeletionTimestamp() == nil && c.owns(live) {
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

// owns tells that an object is this release's, and not to be kept.
func (c *Client) owns(live *unstructured.Unstructured) bool {
	return c.drift.Owns(live) && live.GetAnnotations()[kube.ResourcePolicyAnno] != kube.KeepPolicy
}
