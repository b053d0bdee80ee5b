package drift

import (
	"context"
	"encoding/json"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
)

// fieldManager is who the API server notes as the author of a dry run.
const fieldManager = "tkdeploy"

// The label that Helm gives all that it applies.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	helm           = "Helm"
)

// patchFor is the patch by which Helm's upgrade would take an object from what
// was applied to what is wanted: a three-way merge with the live object. For
// kinds that client-go does not know Helm looks at the manifests alone, so
// their patch is nil: it would not repair drift, so none is reported.
func patchFor(applied, wanted, live unstructured.Unstructured) ([]byte, error) {
	typed, err := scheme.Scheme.New(wanted.GroupVersionKind())
	if err != nil {
		return nil, nil // the kind is unknown, which is no failure
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	var three [3][]byte
	for i, o := range []unstructured.Unstructured{applied, wanted, live} {
		if three[i], err = json.Marshal(o.Object); err != nil {
			return nil, err
		}
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(three[0], three[1], three[2], schema, true)
	if err != nil || string(patch) == "{}" {
		return nil, err
	}
	return patch, nil
}

// ifUnchanged makes a patch one of this version of an object: the API server
// answers a conflict for any other.
func ifUnchanged(patch []byte, live unstructured.Unstructured) ([]byte, error) {
	var content map[string]any
	if err := json.Unmarshal(patch, &content); err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(content, live.GetResourceVersion(), "metadata", "resourceVersion"); err != nil {
		return nil, err
	}
	return json.Marshal(content)
}

// try lets the API server apply a patch without keeping the result.
func try(ctx context.Context, r dynamic.ResourceInterface, name string, patch []byte, validation string) (after *unstructured.Unstructured, refusal, err error) {
	after, err = r.Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager, FieldValidation: validation,
	})
	if refusal, err = refused(err); refusal != nil || err != nil {
		return nil, refusal, err
	}
	return after, nil, nil
}

// refused tells what the API server has against an object apart from other
// errors. A webhook that takes no part in dry runs tells nothing, nor does a
// namespace that is not there yet.
func refused(err error) (refusal, other error) {
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run"):
		return nil, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return err, nil
	}
	return nil, err
}
