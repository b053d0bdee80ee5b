package hooks

import (
	"testing"

	"helm.sh/helm/v3/pkg/release"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	t.Run("leaves out an object that the API server names", func(t *testing.T) {
		t.Parallel()
		next := &release.Release{Hooks: []*release.Hook{{
			Events: []release.HookEvent{release.HookPreUpgrade}, DeletePolicies: []release.HookDeletePolicy{release.HookFailed},
			Manifest: "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: seed}\n",
		}}}
		found := candidates(nil, next, []release.HookEvent{release.HookPreUpgrade})
		if len(found) != 1 || found[0].object.GetName() != "seed" {
			t.Errorf("got %+v, want only Job seed", found)
		}
	})
}
