package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// ErrNoTarget means that there is no revision to roll back to.
var ErrNoTarget = errors.New("no verified revision to roll back to")

type target struct {
	history []*release.Release // oldest first
	newest  *release.Release
	release *release.Release
	skipped []string // newer candidates, with the reason: "revision 3 (not verified)"
}

// chooseTarget returns the given revision or, for 0, the newest verified one before the
// newest. The status "superseded" is not enough: Helm sets it without checking health.
//
// The running state is not a target: after a rollback from 3 to 2 as revision 4, the next
// rollback goes to 1.
func chooseTarget(history []*release.Release, revision int) (target, error) {
	if len(history) == 0 {
		return target{}, fmt.Errorf("%w: no release", ErrNoTarget)
	}
	t := target{history: history, newest: history[len(history)-1]}
	if status := t.newest.Info.Status; status == release.StatusUninstalling || status == release.StatusUninstalled {
		return t, fmt.Errorf("%w: the release is %s", ErrNoTarget, status)
	}
	if revision != 0 {
		return t.pick(revision)
	}
	for _, candidate := range slices.Backward(history[:len(history)-1]) {
		reason := t.unfitReason(candidate)
		if reason == "" {
			t.release = candidate
			return t, nil
		}
		t.skipped = append(t.skipped, fmt.Sprintf("revision %d (%s)", candidate.Version, reason))
	}
	if len(t.skipped) == 0 {
		return t, fmt.Errorf("%w: revision %d is the only one", ErrNoTarget, t.newest.Version)
	}
	return t, fmt.Errorf("%w from revision %d: skipped %s", ErrNoTarget, t.newest.Version, strings.Join(t.skipped, ", "))
}

func (t target) pick(revision int) (target, error) {
	if revision == t.newest.Version {
		return t, fault.New(fault.Rollback, fmt.Errorf("revision %d is the newest one", revision),
			`run "tkdeploy up" to undo manual changes`)
	}
	var stored []string
	for _, candidate := range t.history {
		if candidate.Version == revision {
			t.release = candidate
			return t, nil
		}
		stored = append(stored, fmt.Sprint(candidate.Version))
	}
	return t, fault.New(fault.Rollback, fmt.Errorf("revision %d not found: stored revisions are %s", revision, strings.Join(stored, ", ")), `run "tkdeploy history" to list the revisions`)
}

func (t target) unfitReason(candidate *release.Release) string {
	status := candidate.Info.Status
	switch {
	case status == release.StatusFailed || status.IsPending():
		return status.String()
	case !isVerified(candidate):
		return "not verified"
	case isVerified(t.newest) && t.isDeployed(candidate):
		return "identical to the current one"
	}
	return ""
}

func (t target) isDeployed(candidate *release.Release) bool {
	return t.newest.Info.Status == release.StatusDeployed && t.newest.Manifest == candidate.Manifest
}
