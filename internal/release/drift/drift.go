package drift

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

const (
	maxParallel = 8
	// listLimit is the page size of a list. Further objects are read by name.
	listLimit = 500
)

// Compare returns the differences between the objects that a revision applied and the
// live ones, in manifest order, and whether their namespace is being deleted. It ignores
// hooks, because their objects come and go.
//
// Compare ignores defaults of the API server, other spellings of a quantity, and fields
// that others own, such as autoscaled replicas. A difference counts only if a dry run of
// the repair changes the object or is rejected.
func (c *Client) Compare(ctx context.Context, rel *release.Release) ([]string, error) {
	manifest, err := chart.Objects(rel.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	found := make([]string, len(manifest)+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	group.Go(func() error {
		ns, err := c.LiveNamespace(ctx)
		if ns != nil && ns.DeletionTimestamp != nil {
			found[len(manifest)] = "namespace " + c.Namespace + " is being deleted"
		}
		return err
	})
	scaled := c.newScaling(manifest)
	for _, same := range byKind(manifest) {
		group.Go(func() error { return c.compareAll(ctx, scaled, same, found, group) })
	}
	if err := group.Wait(); err != nil {
		return nil, chart.NewRedactor(rel.Manifest).Err(err)
	}
	return nonEmpty(found), nil
}

type indexedObject struct {
	object unstructured.Unstructured
	index  int
}

func byKind(manifest []unstructured.Unstructured) map[string][]indexedObject {
	kinds := map[string][]indexedObject{}
	for i, o := range manifest {
		key := o.GroupVersionKind().String() + " " + o.GetNamespace()
		kinds[key] = append(kinds[key], indexedObject{o, i})
	}
	return kinds
}

// compareAll compares objects of one kind and namespace. It uses the free slots of group.
func (c *Client) compareAll(ctx context.Context, scaled *scaling, same []indexedObject, found []string, group *errgroup.Group) error {
	resource, err := c.ResourceFor(same[0].object)
	if meta.IsNoMatchError(err) { // the definition of the kind was deleted, and so all its objects
		for _, o := range same {
			found[o.index] = chart.ObjectName(o.object) + " is missing"
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("compare %s: %w", chart.ObjectName(same[0].object), err)
	}
	live := map[string]*unstructured.Unstructured{}
	if len(same) > 1 {
		live = liveByName(ctx, resource)
	}
	for _, o := range same {
		compare := func() (err error) {
			if found[o.index], err = c.compareObject(ctx, scaled, resource, o.object, live[o.object.GetName()]); err != nil {
				return fmt.Errorf("compare %s: %w", chart.ObjectName(o.object), err)
			}
			return nil
		}
		if group.TryGo(compare) {
			continue
		}
		if err := compare(); err != nil {
			return err
		}
	}
	return nil
}

// liveByName lists the objects that Helm applied. The list may be incomplete.
func liveByName(ctx context.Context, resource dynamic.ResourceInterface) map[string]*unstructured.Unstructured {
	byName := map[string]*unstructured.Unstructured{}
	all, err := resource.List(ctx, metav1.ListOptions{LabelSelector: labels.Set{ManagedByLabel: helmManager}.String(), Limit: listLimit})
	if err != nil {
		return byName
	}
	for i := range all.Items {
		byName[all.Items[i].GetName()] = &all.Items[i]
	}
	return byName
}

// compareObject reads the object if live is nil, and again if it changes during the
// comparison.
func (c *Client) compareObject(ctx context.Context, scaled *scaling, resource dynamic.ResourceInterface, o unstructured.Unstructured, live *unstructured.Unstructured) (difference string, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if live == nil {
			if live, err = resource.Get(ctx, o.GetName(), metav1.GetOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
		difference, err = c.diffObject(ctx, scaled, resource, o, live)
		live = nil
		return err
	})
	return difference, err
}

// diffObject returns a conflict error if the object has changed since it was read.
func (c *Client) diffObject(ctx context.Context, scaled *scaling, resource dynamic.ResourceInterface, o unstructured.Unstructured, live *unstructured.Unstructured) (string, error) {
	switch {
	case live == nil && isEphemeral(o):
		return "", nil
	case live == nil:
		return chart.ObjectName(o) + " is missing", nil
	case live.GetDeletionTimestamp() != nil:
		return chart.ObjectName(o) + " is being deleted", nil
	}
	desired := c.withOwnership(withClaimDefaults(o))
	desired, _, err := scaled.keepReplicas(ctx, desired, desired, *live)
	if err != nil {
		return "", err
	}
	patch, err := mergePatch(desired, desired, *live)
	if err != nil || patch == nil {
		return "", err
	}
	if patch, err = withPrecondition(patch, *live); err != nil {
		return "", err
	}
	after, refusal, err := dryRunPatch(ctx, resource, o.GetName(), types.StrategicMergePatchType, patch, metav1.FieldValidationIgnore)
	switch {
	case err != nil:
		return "", err
	case refusal != nil:
		return chart.ObjectName(o) + " differs in an immutable field", nil
	case after == nil:
		return "", nil
	}
	return describeDiff(*live, *after), nil
}

func isEphemeral(o unstructured.Unstructured) bool {
	return o.GetKind() == "Job" && chart.Lookup(o.Object, []string{"spec", "ttlSecondsAfterFinished"}) != nil
}

// describeDiff shows only numbers, booleans and images, because other values may be
// secret.
func describeDiff(live, desired unstructured.Unstructured) string {
	var fields []string
	chart.Differences(WithoutServerFields(live), WithoutServerFields(desired), "", func(path string, is, want any) {
		if isPublic(path, is) && isPublic(path, want) {
			path = fmt.Sprintf("%s %s, desired %s", path, formatValue(is), formatValue(want))
		}
		fields = append(fields, path)
	})
	if len(fields) == 0 {
		return ""
	}
	return chart.ObjectName(live) + ": " + chart.ListNames(fields)
}

func isPublic(path string, value any) bool {
	switch value.(type) {
	case nil, bool, int64, float64:
		return true
	}
	return strings.HasSuffix(path, ".image")
}

func formatValue(value any) string {
	if value == nil {
		return "unset"
	}
	return fmt.Sprint(value)
}

// WithoutServerFields returns the fields of o that a manifest can set.
func WithoutServerFields(o unstructured.Unstructured) map[string]any {
	o = *o.DeepCopy()
	for _, field := range []string{"resourceVersion", "managedFields", "generation"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "status")
	return o.Object
}

func nonEmpty(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}
