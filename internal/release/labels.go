package release

import (
	"regexp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Labels of the release records (Secrets of type helm.sh/release.v1).
const (
	LabelFingerprint = "tkdeploy.dev/fingerprint" // of chart, values and identity
	LabelVerified    = "tkdeploy.dev/verified"    // "true" after readiness and smoke tests
	LabelCommit      = "tkdeploy.dev/commit"      // of the checkout that was deployed
	LabelUser        = "tkdeploy.dev/user"        // who wrote the revision, and
	LabelHost        = "tkdeploy.dev/host"        // from which machine
)

// recordLabels are those of a new revision.
func recordLabels(d chart.Desired, fingerprint string) map[string]string {
	labels := map[string]string{LabelFingerprint: fingerprint}
	if d.Commit != "" {
		labels[LabelCommit] = d.Commit
	}
	return labels
}

// labelLength is how long the value of a label may be.
const labelLength = 63

var notInLabels = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// labelValue is s as far as a label's value can hold it.
func labelValue(s string) string {
	s = notInLabels.ReplaceAllString(s, "-")
	return strings.Trim(s[:min(len(s), labelLength)], "_.-")
}

// upgradeLabels adds the removal of those labels that Helm would else take over
// from the last revision: it spells it "null".
func upgradeLabels(labels map[string]string) map[string]string {
	for _, name := range []string{LabelCommit, LabelVerified} {
		if _, ok := labels[name]; !ok {
			labels[name] = "null"
		}
	}
	return labels
}
