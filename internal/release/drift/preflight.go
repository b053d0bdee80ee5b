package drift

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Preflight applies every object of preview as a dry run, custom resources too. It
// returns an error that names rejected objects and fields, such as an immutable one. It
// also rejects unknown fields, which the API server would silently drop, and objects of
// other owners. before is the revision in the cluster, or nil. Preflight also records
// [Client.KeptReplicas].
func (c *Client) Preflight(ctx context.Context, before, preview *release.Release) error {
	return c.preflight(ctx, before, preview, false)
}

// PreflightRollback is like Preflight, but ignores kept objects (helm.sh/resource-policy)
// that are not in before: a rollback adopts them as they are.
func (c *Client) PreflightRollback(ctx context.Context, before, target *release.Release) error {
	return c.preflight(ctx, before, target, true)
}

func (c *Client) preflight(ctx context.Context, before, preview *release.Release, adoptKept bool) error {
	if preview == nil {
		return nil
	}
	var applied []unstructured.Unstructured
	if before != nil {
		var err error
		if applied, err = chart.Objects(before.Manifest); err != nil {
			return fmt.Errorf("read the manifest of revision %d of %s: %w", before.Version, c, err)
		}
	}
	desired, err := chart.Objects(preview.Manifest)
	if err != nil {
		return fmt.Errorf("read the rendered manifest of %s: %w", c, err)
	}
	refusals := make([]string, len(desired))
	scaled := c.newScaling(desired)
	c.kept.reset()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for i, o := range desired {
		group.Go(func() (err error) {
			if refusals[i], err = c.dryRunObject(ctx, scaled, applied, o, adoptKept); err != nil {
				return fmt.Errorf("dry run of %s: %w", chart.ObjectName(o), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.rejected(nonEmpty(refusals))
}

func (c *Client) rejected(refusals []string) error {
	if len(refusals) == 0 {
		return nil
	}
	return fault.New(fault.Apply,
		fmt.Errorf("release %s: rejected by the API server:\n%s", c, strings.Join(refusals, "\n")),
		"correct the chart or the values (no object of the release was changed); to change an immutable field, delete the object first")
}

func appliedObject(applied []unstructured.Unstructured, o unstructured.Unstructured) (unstructured.Unstructured, bool) {
	for _, candidate := range applied {
		if sameObject(candidate, o) {
			return candidate, true
		}
	}
	return o, false
}

func sameObject(a, b unstructured.Unstructured) bool {
	return a.GroupVersionKind() == b.GroupVersionKind() && a.GetName() == b.GetName() && a.GetNamespace() == b.GetNamespace()
}

func (c *Client) dryRunObject(ctx context.Context, scaled *scaling, applied []unstructured.Unstructured, desired unstructured.Unstructured, adoptKept bool) (string, error) {
	resource, err := c.ResourceFor(desired)
	if meta.IsNoMatchError(err) {
		return "", nil // Helm reports it, with a hint
	}
	if err != nil {
		return "", err
	}
	live, err := resource.Get(ctx, desired.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return c.dryRunCreate(ctx, resource, desired)
	}
	if err != nil {
		return "", err
	}
	before, known := appliedObject(applied, desired)
	switch {
	case !known && !c.Owns(live):
		return chart.ObjectName(desired) + ": exists, but does not belong to this release", nil
	case !known && adoptKept && live.GetAnnotations()[kube.ResourcePolicyAnno] == kube.KeepPolicy:
		return "", nil
	}
	desired, keep, err := scaled.keepReplicas(ctx, before, desired, *live)
	if err != nil {
		return "", err
	}
	if keep {
		replicas, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
		c.kept.keep(desired.GetKind()+"/"+cmp.Or(desired.GetNamespace(), c.Namespace)+"/"+desired.GetName(), replicas)
	}
	refusal, fields, err := c.dryRunChange(ctx, resource, c.withOwnership(before), c.withOwnership(desired), *live)
	if err != nil || refusal == nil {
		return "", err
	}
	return fmt.Sprintf("%s: changing %s: %v", chart.ObjectName(desired), chart.ListNames(fields), refusal), nil
}

func (c *Client) dryRunCreate(ctx context.Context, resource dynamic.ResourceInterface, desired unstructured.Unstructured) (string, error) {
	desired = c.withOwnership(desired)
	_, err := resource.Create(ctx, &desired, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager, FieldValidation: metav1.FieldValidationStrict,
	})
	refusal, err := splitRefusal(err)
	if err != nil || refusal == nil {
		return "", err
	}
	return fmt.Sprintf("%s: %v", chart.ObjectName(desired), refusal), nil
}

func patchedFields(patch []byte) []string {
	var changed map[string]any
	if json.Unmarshal(patch, &changed) != nil {
		return []string{"the object"}
	}
	var paths []string
	chart.Differences(map[string]any{}, changed, "", func(path string, _, _ any) {
		if !strings.Contains(path, "$") { // skip directives of the patch format
			paths = append(paths, path)
		}
	})
	return paths
}
