package release

import (
	"errors"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// ErrNotFound means that the release or the revision does not exist.
var ErrNotFound = errors.New("release not found")

// Revision is an entry of a release's history.
type Revision struct {
	Revision    int
	Status      string   // as in Helm: "deployed", "failed", "pending-upgrade", …
	Current     bool     // its objects are in the cluster
	Chart       string   // "shop-0.1.0"
	AppVersion  string   // of the chart; may be empty
	Images      []string // of workloads and hooks, sorted
	Description string   // why it was written, or why it failed
	Updated     time.Time
	Fingerprint string // empty if tkdeploy did not write it
	Commit      string
	User, Host  string // who wrote it and on which machine; may be empty
	Verified    bool   // it became ready and passed its smoke tests

	// Changes are the differences from the previous stored revision: "image
	// services.auth.image changed shop-auth:1 -> 2", "values changed: ingress.host",
	// "chart changed: templates/auth.yaml". Only History sets them.
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

// deployedRevision returns the newest revision with the status deployed, or nil.
func deployedRevision(releases []*release.Release) *release.Release {
	for _, rel := range slices.Backward(releases) {
		if rel.Info.Status == release.StatusDeployed {
			return rel
		}
	}
	return nil
}

// currentRevision returns the deployed revision, or the newest if none is deployed.
func currentRevision(releases []*release.Release) *release.Release {
	if rel := deployedRevision(releases); rel != nil || len(releases) == 0 {
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

func sameFingerprint(before, after *release.Release) bool {
	mark := after.Labels[LabelFingerprint]
	return mark != "" && mark == before.Labels[LabelFingerprint]
}
