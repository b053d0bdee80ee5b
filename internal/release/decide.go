package release

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// An operation is what Helm is to do.
type operation string

const (
	opNothing operation = "nothing"
	opInstall operation = "install"
	opUpgrade operation = "upgrade"
)

// A healing is what must be put right in the history before Helm will work.
type healing string

const (
	healNothing   healing = ""
	healRelease   healing = "mark as failed"       // a revision that an earlier run left pending
	healUninstall healing = "finish the uninstall" // that an earlier run left half-done
)

// A decision is an operation and why it is wanted.
type decision struct {
	op    operation
	heal  healing
	cause string // in words; empty for opNothing
}

// decide tells what makes the release current. history is sorted, the oldest
// first. changes say in words how the desired release differs from the deployed
// revision, drift how the live objects do; both are looked at only if a
// deployed revision is the newest.
//
// Where an earlier run was interrupted, the content of the cluster is unknown,
// so the release is applied again even if nothing else has changed.
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
		return decision{op: opInstall, heal: healUninstall, cause: interrupted(last)}
	case status.IsPending() || status == release.StatusUnknown:
		return decision{op: opUpgrade, heal: healRelease, cause: interrupted(last)}
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

func interrupted(last *release.Release) string {
	return fmt.Sprintf("revision %d is %s: an earlier run was interrupted", last.Version, last.Info.Status)
}

// A survey is all that a decision rests on, and the decision.
type survey struct {
	desired     chart.Desired
	prepared    *chart.Prepared
	fingerprint string
	history     []*release.Release
	decision    decision
}

// newest is the newest revision, or nil.
func (s survey) newest() *release.Release {
	if len(s.history) == 0 {
		return nil
	}
	return s.history[len(s.history)-1]
}

// inCluster is the revision whose objects are in the cluster as far as is
// known, or nil. It is what Helm's upgrade starts from.
func (s survey) inCluster() *release.Release {
	if s.decision.op == opInstall {
		return nil
	}
	if rel := deployed(s.history); rel != nil {
		return rel
	}
	return s.newest()
}
