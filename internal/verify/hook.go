package verify

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Hook is one object of the chart that is there for testing it: one with the
// annotation helm.sh/hook: test. Pods and Jobs are the tests, others are what
// these need.
type Hook struct {
	Name     string
	Object   unstructured.Unstructured   // with its namespace
	Resource schema.GroupVersionResource // empty if the cluster does not know the kind

	// DeletePolicies are Helm's: before-hook-creation, hook-succeeded, hook-failed.
	DeletePolicies []string
}

// The delete policies.
const (
	beforeCreation = "before-hook-creation"
	afterSuccess   = "hook-succeeded"
	afterFailure   = "hook-failed"
)

func (h Hook) has(policy string) bool { return slices.Contains(h.DeletePolicies, policy) }

// isPod and isJob go by the group too: there are other kinds called Job.
func (h Hook) isPod() bool { return h.Object.GroupVersionKind().GroupKind().String() == "Pod" }
func (h Hook) isJob() bool { return h.Object.GroupVersionKind().GroupKind().String() == "Job.batch" }
func (h Hook) runs() bool  { return h.isPod() || h.isJob() }
