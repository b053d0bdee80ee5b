package drift

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Preflight applies every object of preview as a dry run. It returns an error that names
// rejected objects and fields, such as an immutable one. It also rejects unknown fields,
// which the API server would silently drop. before is the revision in the cluster, or
// nil. It also records [Client.KeptReplicas].
func (c *Client) Preflight(ctx context.Context, before, preview *release.Release) error {
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
			if refusals[i], err = c.dryRunObject(ctx, scaled, appliedObject(applied, o), o); err != nil {
				return fmt.Errorf("dry run of %s: %w", chart.ObjectName(o), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if found := nonEmpty(refusals); len(found) > 0 {
		return fault.New(fault.Apply,
			fmt.Errorf("release %s: rejected by the API server:\n%s", c, strings.Join(found, "\n")),
			"correct the chart or the values (no object of the release was changed); to change an immutable field, delete the object first")
	}
	return nil
}

func appliedObject(applied []unstructured.Unstructured, o unstructured.Unstructured) unstructured.Unstructured {
	for _, candidate := range applied {
		if sameObject(candidate, o) {
			return candidate
		}
	}
	return o
}

func sameObject(a, b unstructured.Unstructured) bool {
	return a.GroupVersionKind() == b.GroupVersionKind() && a.GetName() == b.GetName() && a.GetNamespace() == b.GetNamespace()
}

func (c *Client) dryRunObject(ctx context.Context, scaled *scaling, applied, desired unstructured.Unstructured) (string, error) {
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
	desired, keep, err := scaled.keepReplicas(ctx, desired, *live)
	if err != nil {
		return "", err
	}
	if keep {
		replicas, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
		c.kept.keep(desired.GetKind()+"/"+cmp.Or(desired.GetNamespace(), c.Namespace)+"/"+desired.GetName(), replicas)
	}
	patch, err := mergePatch(c.withOwnership(applied), c.withOwnership(desired), *live)
	if err != nil || patch == nil {
		return "", err
	}
	_, refusal, err := dryRunPatch(ctx, resource, desired.GetName(), patch, metav1.FieldValidationStrict)
	if err != nil || refusal == nil {
		return "", err
	}
	return fmt.Sprintf("%s: changing %s: %v", chart.ObjectName(desired), chart.ListNames(patchedFields(patch)), refusal), nil
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
