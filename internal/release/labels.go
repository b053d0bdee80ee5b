package release

import (
	"regexp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Labels of the release records (Secrets of type helm.sh/release.v1).
const (
	LabelFingerprint = "tkdeploy.dev/fingerprint" // of chart, values, name and namespace
	LabelVerified    = "tkdeploy.dev/verified"    // "true" after readiness and smoke tests
	LabelCommit      = "tkdeploy.dev/commit"      // of the deployed checkout
	LabelUser        = "tkdeploy.dev/user"
	LabelHost        = "tkdeploy.dev/host"
)

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

// upgradeLabels removes the labels that Helm would copy from the last revision. Helm's
// syntax for that is the value "null".
func upgradeLabels(labels map[string]string) map[string]string {
	for _, name := range []string{LabelCommit, LabelVerified} {
		if _, ok := labels[name]; !ok {
			labels[name] = "null"
		}
	}
	return labels
}
