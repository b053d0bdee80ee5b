package drift

import (
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

// preflight tries every object as a dry run, so that one that the API server
// refuses, above all a change of an immutable field, ends the run before
// anything is written. The error names all such objects and their fields.
// Unknown fields are refused too: without a dry run they are dropped in silence.
// before is the revision whose objects are in the cluster, or nil.
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
	wanted, err := chart.Objects(preview.Manifest)
	if err != nil {
		return fmt.Errorf("read the rendered manifest of %s: %w", c, err)
	}
	refusals := make([]string, len(wanted))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLooks)
	for i, o := range wanted {
		group.Go(func() (err error) {
			if refusals[i], err = c.tryObject(ctx, previous(applied, o), o); err != nil {
				return fmt.Errorf("try %s: %w", chart.ObjectName(o), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if found := nonEmpty(refusals); len(found) > 0 {
		return fault.New(fault.Apply,
			fmt.Errorf("release %s: the API server refuses\n%s", c, strings.Join(found, "\n")),
			"no object was changed; correct the chart or the values. A field that cannot be changed needs its object deleted first")
	}
	return nil
}

// previous is the same object as an earlier revision applied it, or o itself.
func previous(applied []unstructured.Unstructured, o unstructured.Unstructured) unstructured.Unstructured {
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

// tryObject says what the API server has against an object, or "".
func (c *Client) tryObject(ctx context.Context, applied, wanted unstructured.Unstructured) (string, error) {
	resource, err := c.ResourceFor(wanted)
	if meta.IsNoMatchError(err) {
		return "", nil // of a CRD that the same chart brings
	}
	if err != nil {
		return "", err
	}
	live, err := resource.Get(ctx, wanted.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return c.tryNew(ctx, resource, wanted)
	}
	if err != nil {
		return "", err
	}
	patch, err := patchFor(c.owned(applied), c.owned(wanted), *live)
	if err != nil || patch == nil {
		return "", err
	}
	_, refusal, err := try(ctx, resource, wanted.GetName(), patch, metav1.FieldValidationStrict)
	if err != nil || refusal == nil {
		return "", err
	}
	return fmt.Sprintf("%s: a change of %s: %v", chart.ObjectName(wanted), chart.ListNames(patchedFields(patch)), refusal), nil
}

func (c *Client) tryNew(ctx context.Context, resource dynamic.ResourceInterface, wanted unstructured.Unstructured) (string, error) {
	wanted = c.owned(wanted)
	_, err := resource.Create(ctx, &wanted, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager, FieldValidation: metav1.FieldValidationStrict,
	})
	refusal, err := refused(err)
	if err != nil || refusal == nil {
		return "", err
	}
	return fmt.Sprintf("%s: %v", chart.ObjectName(wanted), refusal), nil
}

// patchedFields are the paths that a patch changes.
func patchedFields(patch []byte) []string {
	var changed map[string]any
	if json.Unmarshal(patch, &changed) != nil {
		return []string{"the object"}
	}
	var paths []string
	chart.Differences(map[string]any{}, changed, "", func(path string, _, _ any) {
		if !strings.Contains(path, "$") { // a directive of the patch format
			paths = append(paths, path)
		}
	})
	return paths
}
