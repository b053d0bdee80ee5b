package release

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// defaultMaxHistory is the default of the helm command. The SDK would keep all revisions.
const defaultMaxHistory = 10

// recordDriver labels new records with their author and removes the labels for what was
// verified and applied, which Helm would copy on a rollback.
type recordDriver struct {
	driver.Driver
	user, host string
}

func (r recordDriver) Create(key string, rel *release.Release) error {
	labels := maps.Clone(rel.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for name, value := range map[string]string{LabelApplied: "", LabelVerified: "", LabelUser: labelValue(r.user), LabelHost: labelValue(r.host)} {
		delete(labels, name)
		if value != "" {
			labels[name] = value
		}
	}
	rel.Labels = labels
	return r.Driver.Create(key, rel)
}

// trimHistory deletes the oldest records beyond limit, but keeps the newest verified and
// the deployed revision. Failures are only warnings, because extra records do no harm.
func (c *Client) trimHistory(ctx context.Context, history []*release.Release, limit int, report event.Reporter) {
	for _, version := range excessRevisions(history, limit) {
		err := c.run(ctx, func() error {
			_, err := c.helm.Releases.Delete(c.name, version)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			report.Report(event.Warn(fmt.Sprintf("release %s: cannot delete the record of revision %d: %v", c, version, err)))
		}
	}
}

func excessRevisions(history []*release.Release, limit int) []int {
	keep := map[int]bool{}
	if rel := deployedRevision(history); rel != nil {
		keep[rel.Version] = true
	}
	if rel := newestVerified(history); rel != nil {
		keep[rel.Version] = true
	}
	var old []int
	for _, rel := range history {
		if len(history)+1-len(old) > limit && !keep[rel.Version] {
			old = append(old, rel.Version)
		}
	}
	return old
}

func maxHistory(d chart.Desired) int { return cmp.Or(d.MaxHistory, defaultMaxHistory) }
