package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

const (
	// parallelLooks bounds the requests under way at once.
	parallelLooks = 8
	// listed bounds what one request for objects of a kind brings; others are asked for by name.
	listed = 500
)

// drift says in words, object by object in the manifest's order, how the live
// objects differ from what a revision applied, and whether their namespace is on
// its way out. Hooks are not looked at: their objects come and go.
//
// Defaults that the API server fills in, other spellings of a quantity and
// fields that others own (an autoscaler's replicas) are no drift. Whether a
// difference counts is what the API server says: the patch that would repair it
// is tried as a dry run, and must change something.
func (c *Client) Compare(ctx context.Context, rel *release.Release) ([]string, error) {
	manifest, err := chart.Objects(rel.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of revision %d of %s: %w", rel.Version, c, err)
	}
	found := make([]string, len(manifest)+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLooks)
	group.Go(func() error {
		ns, err := c.LiveNamespace(ctx)
		if ns != nil && ns.DeletionTimestamp != nil {
			found[len(manifest)] = "namespace " + c.Namespace + " is being deleted"
		}
		return err
	})
	for _, same := range byKind(unscaled(manifest)) {
		group.Go(func() error { return c.lookAtAll(ctx, same, found, group) })
	}
	if err := group.Wait(); err != nil {
		return nil, chart.NewRedactor(rel.Manifest).Err(err)
	}
	return nonEmpty(found), nil
}

// A placed object is one at its place in the manifest.
type placed struct {
	unstructured.Unstructured
	at int
}

// byKind puts the objects of one kind and namespace together.
func byKind(manifest []unstructured.Unstructured) map[string][]placed {
	kinds := map[string][]placed{}
	for i, o := range manifest {
		key := o.GroupVersionKind().String() + " " + o.GetNamespace()
		kinds[key] = append(kinds[key], placed{o, i})
	}
	return kinds
}

// unscaled is the manifest without the replicas that autoscalers set.
func unscaled(manifest []unstructured.Unstructured) []unstructured.Unstructured {
	scaled := chart.Autoscalers(manifest)
	manifest = slices.Clone(manifest)
	for i, o := range manifest {
		if _, ok := scaled[o.GetKind()+"/"+o.GetName()]; ok {
			manifest[i] = *o.DeepCopy()
			unstructured.RemoveNestedField(manifest[i].Object, "spec", "replicas")
		}
	}
	return manifest
}

// lookAtAll says in found how objects of one kind and namespace differ. Of group it
// takes what is free.
func (c *Client) lookAtAll(ctx context.Context, same []placed, found []string, group *errgroup.Group) error {
	resource, err := c.ResourceFor(same[0].Unstructured)
	if err != nil {
		return fmt.Errorf("look at %s: %w", chart.ObjectName(same[0].Unstructured), err)
	}
	live := map[string]*unstructured.Unstructured{}
	if len(same) > 1 {
		live = liveByName(ctx, resource)
	}
	for _, o := range same {
		look := func() (err error) {
			if found[o.at], err = c.look(ctx, resource, o.Unstructured, live[o.GetName()]); err != nil {
				return fmt.Errorf("look at %s: %w", chart.ObjectName(o.Unstructured), err)
			}
			return nil
		}
		if group.TryGo(look) {
			continue
		}
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

// liveByName are the objects of a kind that Helm has applied, in one request. What it
// lacks, for whatever reason, is to be asked for by name.
func liveByName(ctx context.Context, resource dynamic.ResourceInterface) map[string]*unstructured.Unstructured {
	byName := map[string]*unstructured.Unstructured{}
	all, err := resource.List(ctx, metav1.ListOptions{LabelSelector: labels.Set{ManagedByLabel: helm}.String(), Limit: listed})
	if err != nil {
		return byName
	}
	for i := range all.Items {
		byName[all.Items[i].GetName()] = &all.Items[i]
	}
	return byName
}

// look says how the live object differs from o, or "". It is asked for if it is not
// given. Controllers write at any time, so it is asked for again when it changes
// while it is judged.
func (c *Client) look(ctx context.Context, resource dynamic.ResourceInterface, o unstructured.Unstructured, live *unstructured.Unstructured) (difference string, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if live == nil {
			if live, err = resource.Get(ctx, o.GetName(), metav1.GetOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
		difference, err = c.judge(ctx, resource, o, live)
		live = nil
		return err
	})
	return difference, err
}

// judge fails with a conflict if the object changes meanwhile; live is nil if it
// does not exist.
func (c *Client) judge(ctx context.Context, resource dynamic.ResourceInterface, o unstructured.Unstructured, live *unstructured.Unstructured) (string, error) {
	switch {
	case live == nil && isTransient(o):
		return "", nil
	case live == nil:
		return chart.ObjectName(o) + " is gone", nil
	case live.GetDeletionTimestamp() != nil:
		return chart.ObjectName(o) + " is being deleted", nil
	}
	wanted := c.owned(withClaimDefaults(o))
	patch, err := patchFor(wanted, wanted, *live)
	if err != nil || patch == nil {
		return "", err
	}
	if patch, err = ifUnchanged(patch, *live); err != nil {
		return "", err
	}
	after, refusal, err := try(ctx, resource, o.GetName(), patch, metav1.FieldValidationIgnore)
	switch {
	case err != nil:
		return "", err
	case refusal != nil:
		return chart.ObjectName(o) + " differs in a field that cannot be changed", nil
	case after == nil:
		return "", nil
	}
	return describe(*live, *after), nil
}

// isTransient is true for a Job that the cluster removes once it has finished.
func isTransient(o unstructured.Unstructured) bool {
	return o.GetKind() == "Job" && chart.Lookup(o.Object, []string{"spec", "ttlSecondsAfterFinished"}) != nil
}

// describe names the fields that differ: "Deployment auth-service:
// spec.replicas 0, wanted 1". It shows numbers, booleans and images only, since
// any other value may be secret.
func describe(live, wanted unstructured.Unstructured) string {
	var fields []string
	chart.Differences(significant(live), significant(wanted), "", func(path string, is, want any) {
		if harmless(path, is) && harmless(path, want) {
			path = fmt.Sprintf("%s %s, wanted %s", path, shown(is), shown(want))
		}
		fields = append(fields, path)
	})
	if len(fields) == 0 {
		return ""
	}
	return chart.ObjectName(live) + ": " + chart.ListNames(fields)
}

func harmless(path string, value any) bool {
	switch value.(type) {
	case nil, bool, int64, float64:
		return true
	}
	return strings.HasSuffix(path, ".image")
}

func shown(value any) string {
	if value == nil {
		return "unset"
	}
	return fmt.Sprint(value)
}

// significant is an object without what the API server keeps for itself.
func significant(o unstructured.Unstructured) map[string]any {
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
