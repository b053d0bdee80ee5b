package drift

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
)

// dryRunChange returns the error of a rejected change and the changed fields.
func (c *Client) dryRunChange(ctx context.Context, resource dynamic.ResourceInterface, before, desired, live unstructured.Unstructured) (refusal error, fields []string, err error) {
	patch, err := mergePatch(before, desired, live)
	if err != nil {
		return nil, nil, err
	}
	if patch != nil {
		_, refusal, err = dryRunPatch(ctx, resource, desired.GetName(), types.StrategicMergePatchType, patch, metav1.FieldValidationStrict)
		return refusal, patchedFields(patch), err
	}
	if patch, err = customPatch(before, desired, live); err != nil || patch == nil {
		return nil, nil, err
	}
	_, refusal, err = dryRunPatch(ctx, resource, desired.GetName(), types.MergePatchType, patch, metav1.FieldValidationStrict)
	return refusal, patchedFields(patch), err
}

// customPatch returns the three-way merge patch for an object of a kind that client-go
// does not know, or nil for other kinds and if nothing changes.
func customPatch(applied, desired, live unstructured.Unstructured) ([]byte, error) {
	if scheme.Scheme.Recognizes(desired.GroupVersionKind()) {
		return nil, nil
	}
	var three [3][]byte
	for i, o := range []unstructured.Unstructured{applied, desired, live} {
		var err error
		if three[i], err = json.Marshal(o.Object); err != nil {
			return nil, err
		}
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(three[0], three[1], three[2])
	if err != nil || string(patch) == "{}" {
		return nil, err
	}
	return patch, nil
}
