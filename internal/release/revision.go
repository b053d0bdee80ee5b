package release

import (
	"errors"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// A Revision is one entry of a release's history.
type Revision struct {
	Revision    int
	Status      string   // Helm's word: "deployed", "failed", "pending-upgrade", …
	Current     bool     // its objects are in the cluster as far as is known
	Chart       string   // "tiktok-clone-0.1.0"
	AppVersion  string   // of the chart; may be empty
	Images      []string // of its workloads and hooks, sorted
	Description string   // why it was written, or why it failed
	Updated     time.Time
	Fingerprint string // empty if tkdeploy did not write it
	Commit      string
	User, Host  string // who wrote it, and on which machine; may be empty
	Verified    bool   // it came up and passed its smoke tests

	// Changes are the differences from the revision before, as far as that is
	// kept: "image services.auth.image changed shop-auth:1 -> 2", "values
	// changed: ingress.host", "chart changed: templates/auth.yaml". They hold no
	// values but images. Only History tells them.
	Changes []string
}

func revisionOf(rel *release.Release) Revision {
	r := Revision{
		Revision:    rel.Version,
		Status:      rel.Info.Status.String(),
		Updated:     rel.Info.LastDeployed.Time,
		Fingerprint: rel.Labels[LabelFingerprint],
		Commit:      rel.Labels[LabelCommit],
		User:        rel.Labels[LabelUser],
		Host:        rel.Labels[LabelHost],
		Verified:    isVerified(rel),
		Images:      chart.RevisionImages(rel),
	}
	if rel.Chart != nil && rel.Chart.Metadata != nil {
		r.Chart = rel.Chart.Metadata.Name + "-" + rel.Chart.Metadata.Version
		r.AppVersion = rel.Chart.Metadata.AppVersion
	}
	return r
}

// deployed is the newest revision whose objects are in the cluster as far as
// Helm knows, or nil.
func deployed(releases []*release.Release) *release.Release {
	for _, rel := range slices.Backward(releases) {
		if rel.Info.Status == release.StatusDeployed {
			return rel
		}
	}
	return nil
}

// serving is the deployed revision, or if none is, the newest.
func serving(releases []*release.Release) *release.Release {
	if rel := deployed(releases); rel != nil || len(releases) == 0 {
		return rel
	}
	return releases[len(releases)-1]
}

func isVerified(rel *release.Release) bool { return rel.Labels[LabelVerified] == "true" }

func newestVerified(history []*release.Release) *release.Release {
	for _, rel := range slices.Backward(history) {
		if isVerified(rel) {
			return rel
		}
	}
	return nil
}

// ErrNotFound says that there is no such release, or no such revision.
var ErrNotFound = errors.New("release not found")

// sameFingerprint reports whether two revisions were made of the same.
func sameFingerprint(before, after *release.Release) bool {
	mark := after.Labels[LabelFingerprint]
	return mark != "" && mark == before.Labels[LabelFingerprint]
}
