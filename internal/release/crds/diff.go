package crds

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
)

const (
	fieldManager = "tkdeploy"
	maxParallel  = 8
	kind         = "CustomResourceDefinition"
	group        = "apiextensions.k8s.io"
)

// Client applies the definitions of the release that Drift compares.
type Client struct{ Drift *drift.Client }

// Change is an object of crds/ that differs from the cluster.
type Change struct {
	object unstructured.Unstructured
	New    bool
	Owner  string // another release that the live object belongs to; it is kept as it is
}

// String returns "CRD widgets.example.com changed".
func (c Change) String() string {
	switch {
	case c.New:
		return name(c.object) + " is new"
	case c.Owner != "":
		return fmt.Sprintf("%s belongs to release %s and is kept as it is", name(c.object), c.Owner)
	}
	return name(c.object) + " changed"
}

func name(o unstructured.Unstructured) string {
	if Is(o) {
		return "CRD " + o.GetName()
	}
	return chart.ObjectName(o)
}

// Is reports whether o defines a custom resource.
func Is(o unstructured.Unstructured) bool {
	gvk := o.GroupVersionKind()
	return gvk.Kind == kind && gvk.Group == group
}

// Diff returns what Apply would create or change, in order. It applies all objects as a
// dry run and writes nothing. Objects that the API server rejects are an error of class
// Apply, except those of another release.
func (c *Client) Diff(ctx context.Context, objects []unstructured.Unstructured) ([]Change, error) {
	changes := make([]*Change, len(objects))
	refusals := make([]string, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for i, o := range objects {
		group.Go(func() (err error) {
			changes[i], err = c.diff(ctx, o)
			if isRefusal(err) {
				refusals[i], err = fmt.Sprintf("%s: %v", name(o), err), nil
			}
			if err != nil {
				return fmt.Errorf("compare %s: %w", name(o), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if refusals = slices.DeleteFunc(refusals, func(r string) bool { return r == "" }); len(refusals) > 0 {
		return nil, fault.New(fault.Apply, fmt.Errorf("rejected by the API server:\n%s", strings.Join(refusals, "\n")),
			"correct the files in the chart's folder crds/ (no object was changed); a stored version cannot be removed before its resources are migrated")
	}
	var found []Change
	for _, change := range changes {
		if change != nil {
			found = append(found, *change)
		}
	}
	return found, nil
}

func (c *Client) diff(ctx context.Context, o unstructured.Unstructured) (*Change, error) {
	resource, err := c.Drift.ResourceFor(o)
	if meta.IsNoMatchError(err) { // another object of crds/ defines its kind
		return &Change{object: o, New: true}, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	owner := ""
	if err == nil {
		owner = drift.Owner(live)
	}
	if owner != "" && c.Drift.Owns(live) {
		o, owner = withKeepPolicy(o), "" // it was in templates/: Helm must not delete it
	}
	after, patchErr := patch(ctx, resource, o, true)
	if apierrors.IsNotFound(err) {
		return &Change{object: o, New: true}, patchErr
	}
	switch {
	case owner != "" && isRefusal(patchErr):
	case patchErr != nil, sameObject(*live, *after):
		return nil, patchErr
	}
	return &Change{object: o, Owner: owner}, nil
}

func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}

func withKeepPolicy(o unstructured.Unstructured) unstructured.Unstructured {
	o = *o.DeepCopy()
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[kube.ResourcePolicyAnno] = kube.KeepPolicy
	o.SetAnnotations(annotations)
	return o
}

// Pending returns the changes that Apply makes.
func Pending(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.Owner != "" })
}

func patch(ctx context.Context, resource dynamic.ResourceInterface, o unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, error) {
	o = *o.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "status")
	unstructured.RemoveNestedField(o.Object, "metadata", "creationTimestamp") // null in generated files
	data, err := json.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: ptr.To(true)}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return resource.Patch(ctx, o.GetName(), types.ApplyPatchType, data, options)
}

func sameObject(live, after unstructured.Unstructured) bool {
	same := true
	chart.Differences(drift.WithoutServerFields(live), drift.WithoutServerFields(after), "", func(string, any, any) { same = false })
	return same
}
