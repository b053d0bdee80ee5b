package hooks

import (
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Hook is an object of the chart with the annotation helm.sh/hook: test. Pods
// and Jobs are tests; other kinds are objects that the tests need.
type Hook struct {
	Name     string
	Object   unstructured.Unstructured   // with its namespace
	Resource schema.GroupVersionResource // empty if the kind is unknown

	// before-hook-creation, hook-succeeded, hook-failed, as in Helm
	DeletePolicies []string
}

const (
	beforeCreation = "before-hook-creation"
	afterSuccess   = "hook-succeeded"
	afterFailure   = "hook-failed"
)

// Without returns the hooks whose names match no pattern in skip: * matches characters
// that a chart makes up.
func Without(hooks []Hook, skip []string) []Hook {
	return slices.DeleteFunc(slices.Clone(hooks), func(h Hook) bool {
		return slices.ContainsFunc(skip, func(pattern string) bool {
			ok, err := path.Match(pattern, h.Name)
			return err == nil && ok
		})
	})
}

// String returns kind and name, such as "Pod journey".
func (h Hook) String() string { return h.Object.GetKind() + " " + h.Object.GetName() }

func (h Hook) has(policy string) bool { return slices.Contains(h.DeletePolicies, policy) }

// isPod and isJob compare the group: others also have a kind Job.
func (h Hook) isPod() bool { return h.Object.GroupVersionKind().GroupKind().String() == "Pod" }
func (h Hook) isJob() bool { return h.Object.GroupVersionKind().GroupKind().String() == "Job.batch" }

func (h Hook) isTest() bool { return h.isPod() || h.isJob() }
