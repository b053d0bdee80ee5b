package release

import (
	"testing"

	"helm.sh/helm/v3/pkg/release"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	history := func(statuses ...release.Status) []*release.Release {
		var all []*release.Release
		for i, status := range statuses {
			all = append(all, &release.Release{Version: i + 1, Info: &release.Info{Status: status}})
		}
		return all
	}
	tests := map[string]struct {
		history        []*release.Release
		changes, drift []string
		want           decision
	}{
		"no release": {
			want: decision{op: opInstall, cause: "no release yet"},
		},
		"up to date": {
			history: history(release.StatusSuperseded, release.StatusDeployed),
			want:    decision{op: opNothing},
		},
		"changes take precedence over drift": {
			history: history(release.StatusDeployed),
			changes: []string{"values changed: a", "chart changed: b"},
			drift:   []string{"Deployment x is missing"},
			want:    decision{op: opUpgrade, cause: "values changed: a; chart changed: b"},
		},
		"drift": {
			history: history(release.StatusDeployed),
			drift:   []string{"Deployment x is missing", "Service y is missing"},
			want:    decision{op: opUpgrade, cause: "Deployment x is missing; Service y is missing"},
		},
		"failed upgrade": {
			history: history(release.StatusDeployed, release.StatusFailed),
			want:    decision{op: opUpgrade, cause: "revision 2 failed"},
		},
		"failed install": {
			history: history(release.StatusFailed),
			want:    decision{op: opUpgrade, cause: "revision 1 failed"},
		},
		"interrupted install": {
			history: history(release.StatusPendingInstall),
			want:    decision{op: opUpgrade, repair: repairPending, cause: "revision 1 is pending-install: an earlier run was interrupted"},
		},
		"interrupted upgrade": {
			history: history(release.StatusDeployed, release.StatusPendingUpgrade),
			want:    decision{op: opUpgrade, repair: repairPending, cause: "revision 2 is pending-upgrade: an earlier run was interrupted"},
		},
		"interrupted rollback": {
			history: history(release.StatusDeployed, release.StatusPendingRollback),
			want:    decision{op: opUpgrade, repair: repairPending, cause: "revision 2 is pending-rollback: an earlier run was interrupted"},
		},
		"interrupted uninstall": {
			history: history(release.StatusUninstalling),
			want:    decision{op: opInstall, repair: repairUninstall, cause: "revision 1 is uninstalling: an earlier run was interrupted"},
		},
		"uninstalled with history": {
			history: history(release.StatusUninstalled),
			want:    decision{op: opInstall, cause: "revision 1 was uninstalled"},
		},
		"killed between the last writes of an upgrade": {
			history: history(release.StatusSuperseded),
			want:    decision{op: opUpgrade, cause: "revision 1 is superseded: an earlier run was interrupted"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := decide(tt.history, tt.changes, tt.drift); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
