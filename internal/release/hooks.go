package release

import (
	"cmp"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Hook is an object of the chart that Helm applies separately.
type Hook struct {
	Name   string
	Weight int
	Object unstructured.Unstructured // with its namespace

	// Resource is empty if the cluster does not know the kind.
	Resource schema.GroupVersionResource

	// DeletePolicies defaults to "before-hook-creation", as in Helm.
	DeletePolicies []string
}

func (c *Client) testHooks(rel *release.Release) ([]Hook, error) {
	var hooks []Hook
	for _, hook := range inTestOrder(rel.Hooks) {
		placed, err := c.namespacedObjects(hook.Manifest)
		if err != nil {
			return nil, fmt.Errorf("read the test hook %s of revision %d of %s: %w", hook.Name, rel.Version, c, err)
		}
		for _, object := range placed {
			hooks = append(hooks, c.hook(hook, object))
		}
	}
	return hooks, nil
}

// inTestOrder returns the test hooks in Helm's order (pkg/action/hooks.go).
func inTestOrder(all []*release.Hook) []*release.Hook {
	var tests []*release.Hook
	for _, hook := range all {
		if slices.Contains(hook.Events, release.HookTest) {
			tests = append(tests, hook)
		}
	}
	slices.SortStableFunc(tests, func(a, b *release.Hook) int {
		return cmp.Or(cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Name, b.Name))
	})
	return tests
}

func (c *Client) hook(h *release.Hook, object unstructured.Unstructured) Hook {
	hook := Hook{Name: object.GetName(), Weight: h.Weight, Object: object}
	gvk := object.GroupVersionKind()
	if mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err == nil {
		hook.Resource = mapping.Resource
	}
	for _, policy := range h.DeletePolicies {
		hook.DeletePolicies = append(hook.DeletePolicies, policy.String())
	}
	if len(hook.DeletePolicies) == 0 {
		hook.DeletePolicies = []string{release.HookBeforeHookCreation.String()}
	}
	return hook
}
