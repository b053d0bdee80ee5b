package release

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
)

// Labels of the release records (Secrets of type helm.sh/release.v1).
const (
	LabelFingerprint = "tkdeploy.dev/fingerprint" // of chart, values, name and namespace
	LabelVerified    = "tkdeploy.dev/verified"    // "true" after readiness and smoke tests
	LabelApplied     = "tkdeploy.dev/applied"     // "some" if a failed revision changed some objects
	LabelCommit      = "tkdeploy.dev/commit"      // of the deployed checkout
	LabelUser        = "tkdeploy.dev/user"
	LabelHost        = "tkdeploy.dev/host"
)

// ErrNotFound means that the release or the revision does not exist.
var ErrNotFound = errors.New("release not found")

// Revision is an entry of a release's history.
type Revision struct {
	Revision    int
	Status      string   // as in Helm: "deployed", "failed", "pending-upgrade", …
	Current     bool     // its objects are in the cluster
	Partly      bool     // failed, with some of its objects in the cluster
	Chart       string   // "shop-0.1.0"
	AppVersion  string   // of the chart; may be empty
	Images      []string // of workloads and hooks, sorted
	Description string   // why it was written, or why it failed
	Updated     time.Time
	Fingerprint string // empty if tkdeploy did not write it
	Commit      string
	User, Host  string // of the author; may be empty
	Verified    bool   // became ready and passed its smoke tests

	// Changes are the differences from the previous stored revision, such as "values
	// changed: ingress.host". Only History sets them.
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
		Partly:      isPartlyApplied(rel),
		Images:      chart.RevisionImages(rel),
	}
	if rel.Chart != nil && rel.Chart.Metadata != nil {
		r.Chart = rel.Chart.Metadata.Name + "-" + rel.Chart.Metadata.Version
		r.AppVersion = rel.Chart.Metadata.AppVersion
	}
	return r
}

func deployedRevision(releases []*release.Release) *release.Release {
	for _, rel := range slices.Backward(releases) {
		if rel.Info.Status == release.StatusDeployed {
			return rel
		}
	}
	return nil
}

func currentRevision(releases []*release.Release) *release.Release {
	if rel := deployedRevision(releases); rel != nil || len(releases) == 0 {
		return rel
	}
	return releases[len(releases)-1]
}

func isPartlyApplied(rel *release.Release) bool {
	return rel.Labels[LabelApplied] == string(helmkube.Some)
}

// partlyApplied returns the manifests of revisions that failed since the deployed one and
// have changed some objects.
func partlyApplied(history []*release.Release) []string {
	var manifests []string
	for _, rel := range slices.Backward(history) {
		if rel.Info.Status == release.StatusDeployed {
			break
		}
		if isPartlyApplied(rel) {
			manifests = append(manifests, rel.Manifest)
		}
	}
	return manifests
}

// sinceDeployed returns the manifests of the deployed revision and of failed ones since
// then that have changed some objects. Helm's rollback starts from the newest revision
// even if that has failed.
func sinceDeployed(history []*release.Release) []string {
	manifests := partlyApplied(history)
	if rel := deployedRevision(history); rel != nil && rel != history[len(history)-1] {
		manifests = append(manifests, rel.Manifest)
	}
	return manifests
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

func recordLabels(d chart.Desired, fingerprint string) map[string]string {
	labels := map[string]string{LabelFingerprint: fingerprint}
	if d.Commit != "" {
		labels[LabelCommit] = d.Commit
	}
	return labels
}

const maxLabelLength = 63

var invalidInLabel = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

func labelValue(s string) string {
	s = invalidInLabel.ReplaceAllString(s, "-")
	return strings.Trim(s[:min(len(s), maxLabelLength)], "_.-")
}

// upgradeLabels removes the labels that Helm would copy from the last revision. "null" is
// Helm's syntax for that.
func upgradeLabels(labels map[string]string) map[string]string {
	for _, name := range []string{LabelApplied, LabelCommit, LabelVerified} {
		if _, ok := labels[name]; !ok {
			labels[name] = "null"
		}
	}
	return labels
}
