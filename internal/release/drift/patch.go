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

const fieldManager = "tkdeploy"

// mergePatch returns the three-way merge patch that a Helm upgrade would send, or nil if
// nothing changes. It also returns nil for kinds unknown to client-go: Helm compares only
// their manifests, so an upgrade would not repair drift.
func mergePatch(applied, desired, live unstructured.Unstructured) ([]byte, error) {
	typed, err := scheme.Scheme.New(desired.GroupVersionKind())
	if err != nil {
		return nil, nil
	}
	schema, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, err
	}
	var three [3][]byte
	for i, o := range []unstructured.Unstructured{applied, desired, live} {
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

// withPrecondition makes the API server return a conflict if the object has changed.
func withPrecondition(patch []byte, live unstructured.Unstructured) ([]byte, error) {
	var content map[string]any
	if err := json.Unmarshal(patch, &content); err != nil {
		return nil, err
	}
	if err := unstructured.SetNestedField(content, live.GetResourceVersion(), "metadata", "resourceVersion"); err != nil {
		return nil, err
	}
	return json.Marshal(content)
}

func dryRunPatch(ctx context.Context, r dynamic.ResourceInterface, name string, kind types.PatchType, patch []byte, validation string) (after *unstructured.Unstructured, refusal, err error) {
	after, err = r.Patch(ctx, name, kind, patch, metav1.PatchOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager, FieldValidation: validation,
	})
	if refusal, err = splitRefusal(err); refusal != nil || err != nil {
		return nil, refusal, err
	}
	return after, nil, nil
}

// splitRefusal separates rejections of an object from other errors. It ignores webhooks
// without dry run support, and a missing namespace or service account, which the chart
// may create.
func splitRefusal(err error) (refusal, other error) {
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run"),
		apierrors.IsForbidden(err) && strings.Contains(err.Error(), "error looking up service account"):
		return nil, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return err, nil
	}
	return nil, err
}
