package release

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/crds"
)

type operation string

const (
	opNothing operation = "nothing"
	opInstall operation = "install"
	opUpgrade operation = "upgrade"
)

// repair is what Helm requires before it accepts an operation.
type repair string

const (
	repairNone      repair = ""
	repairPending   repair = "mark as failed"
	repairUninstall repair = "finish the uninstall"
)

type decision struct {
	op     operation
	repair repair
	cause  string // empty for opNothing
}

func (d decision) hookEvents() []release.HookEvent {
	if d.op == opInstall {
		return []release.HookEvent{release.HookPreInstall, release.HookPostInstall}
	}
	return []release.HookEvent{release.HookPreUpgrade, release.HookPostUpgrade}
}

// decide returns what brings the release up to date. history is sorted, oldest first;
// changes and drift count only if the newest revision is deployed. An interrupted run
// always needs an operation, because the state of the cluster is unknown.
func decide(history []*release.Release, changes, drift []string) decision {
	if len(history) == 0 {
		return decision{op: opInstall, cause: "no release yet"}
	}
	last := history[len(history)-1]
	status := last.Info.Status
	switch {
	case status == release.StatusUninstalled:
		return decision{op: opInstall, cause: fmt.Sprintf("revision %d was uninstalled", last.Version)}
	case status == release.StatusUninstalling:
		return decision{op: opInstall, repair: repairUninstall, cause: interrupted(last)}
	case status.IsPending() || status == release.StatusUnknown:
		return decision{op: opUpgrade, repair: repairPending, cause: interrupted(last)}
	case status == release.StatusFailed:
		return decision{op: opUpgrade, cause: fmt.Sprintf("revision %d failed", last.Version)}
	case status == release.StatusSuperseded:
		return decision{op: opUpgrade, cause: interrupted(last)}
	case len(changes) > 0:
		return decision{op: opUpgrade, cause: strings.Join(changes, "; ")}
	case len(drift) > 0:
		return decision{op: opUpgrade, cause: strings.Join(drift, "; ")}
	}
	return decision{op: opNothing}
}

// withDefinitions adds the changes of crds/, which need an operation in any state.
func (d decision) withDefinitions(changes []crds.Change) decision {
	for _, change := range crds.Pending(changes) {
		if d.op == opNothing {
			d.op = opUpgrade
		}
		d.cause = strings.TrimPrefix(d.cause+"; "+change.String(), "; ")
	}
	return d
}

func interrupted(last *release.Release) string {
	return fmt.Sprintf("revision %d is %s: an earlier run was interrupted", last.Version, last.Info.Status)
}

type observedState struct {
	desired     chart.Desired
	prepared    *chart.Prepared
	fingerprint string
	history     []*release.Release
	definitions []crds.Change // of crds/
	decision    decision
}

func (s observedState) newest() *release.Release {
	if len(s.history) == 0 {
		return nil
	}
	return s.history[len(s.history)-1]
}

// inCluster returns the revision that Helm's upgrade starts from, or nil.
func (s observedState) inCluster() *release.Release {
	if s.decision.op == opInstall {
		return nil
	}
	if rel := deployedRevision(s.history); rel != nil {
		return rel
	}
	return s.newest()
}
