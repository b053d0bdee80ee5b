package hooks

import (
	"slices"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

type candidate struct {
	object   unstructured.Unstructured
	leftover bool // if it belongs to the release
	blocks   bool // a hook to run
}

// candidates returns the objects of hooks of unfinished revisions, newest first, and of
// the hooks to run.
func candidates(history []*release.Release, next *release.Release, events []release.HookEvent) []candidate {
	var found []candidate
	for i, rel := range slices.Backward(history) {
		if !isUnfinished(rel) {
			continue
		}
		for _, hook := range rel.Hooks {
			if !slices.Equal(hook.Events, []release.HookEvent{release.HookTest}) {
				found = append(found, candidatesOf(hook, i == len(history)-1, false)...)
			}
		}
	}
	if next == nil {
		return found
	}
	for _, hook := range next.Hooks {
		if slices.ContainsFunc(hook.Events, func(e release.HookEvent) bool { return slices.Contains(events, e) }) {
			found = append(found, candidatesOf(hook, false, true)...)
		}
	}
	return found
}

func isUnfinished(rel *release.Release) bool {
	s := rel.Info.Status
	return s == release.StatusFailed || s.IsPending() || s == release.StatusUnknown || s == release.StatusUninstalling
}

func candidatesOf(hook *release.Hook, leftover, blocks bool) []candidate {
	if len(hook.DeletePolicies) == 0 || slices.Contains(hook.DeletePolicies, release.HookBeforeHookCreation) {
		return nil // Helm replaces it
	}
	var found []candidate
	objects, _ := chart.Objects(hook.Manifest) // Helm reports an invalid hook
	leftover = leftover || slices.Contains(hook.DeletePolicies, release.HookSucceeded)
	for _, o := range objects {
		if o.GetName() != "" { // otherwise the API server generates it
			found = append(found, candidate{o, leftover, blocks})
		}
	}
	return found
}
