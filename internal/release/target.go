package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// ErrNoTarget says that there is no revision to go back to.
var ErrNoTarget = errors.New("no verified revision to go back to")

// A target is where a rollback goes, and what it passes over on its way.
type target struct {
	history []*release.Release // the oldest first
	newest  *release.Release
	release *release.Release
	skipped []string // newer than release, with the reason: "revision 3 (not verified)"
}

// chooseTarget picks the revision that a rollback goes to. history is sorted,
// the oldest first. With a revision asked for, it is that one. Else it is the
// newest verified one before the newest: not simply the one before, which may
// have failed, and "superseded" is no proof of health in Helm.
//
// What runs well is not its own target: after a rollback from 3 to 2, which is
// revision 4, the next one goes to 1.
func chooseTarget(history []*release.Release, asked int) (target, error) {
	if len(history) == 0 {
		return target{}, fmt.Errorf("%w: there is no release", ErrNoTarget)
	}
	t := target{history: history, newest: history[len(history)-1]}
	if status := t.newest.Info.Status; status == release.StatusUninstalling || status == release.StatusUninstalled {
		return t, fmt.Errorf("%w: the release is %s", ErrNoTarget, status)
	}
	if asked != 0 {
		return t.ask(asked)
	}
	for _, candidate := range slices.Backward(history[:len(history)-1]) {
		reason := t.unfit(candidate)
		if reason == "" {
			t.release = candidate
			return t, nil
		}
		t.skipped = append(t.skipped, fmt.Sprintf("revision %d (%s)", candidate.Version, reason))
	}
	if len(t.skipped) == 0 {
		return t, fmt.Errorf("%w: revision %d is the only one", ErrNoTarget, t.newest.Version)
	}
	return t, fmt.Errorf("%w from revision %d: there are %s", ErrNoTarget, t.newest.Version, strings.Join(t.skipped, ", "))
}

func (t target) ask(revision int) (target, error) {
	if revision == t.newest.Version {
		return t, fault.New(fault.Rollback, fmt.Errorf("revision %d is the newest: there is nothing to go back from", revision),
			"tkdeploy up brings it back if something was changed by hand")
	}
	var kept []string
	for _, candidate := range t.history {
		if candidate.Version == revision {
			t.release = candidate
			return t, nil
		}
		kept = append(kept, fmt.Sprint(candidate.Version))
	}
	return t, fault.New(fault.Rollback, fmt.Errorf("no revision %d: those kept are %s", revision, strings.Join(kept, ", ")), "see: tkdeploy history")
}

// unfit says why a revision is not gone back to, or "".
func (t target) unfit(candidate *release.Release) string {
	status := candidate.Info.Status
	switch {
	case status == release.StatusFailed || status.IsPending():
		return status.String()
	case !isVerified(candidate):
		return "not verified"
	case isVerified(t.newest) && t.isDeployed(candidate):
		return "the same as what runs"
	}
	return ""
}

// isDeployed reports that the newest revision is deployed and has the
// candidate's objects: nothing is left to be written to go there.
func (t target) isDeployed(candidate *release.Release) bool {
	return t.newest.Info.Status == release.StatusDeployed && t.newest.Manifest == candidate.Manifest
}
