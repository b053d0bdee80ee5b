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

// newRecords labels every new record with who writes it, and makes sure that
// none is born verified: Helm gives the new revision of a rollback all labels of
// the old one, and whether what comes up now is healthy is not known yet.
type newRecords struct {
	driver.Driver
	user, host string // either may be empty
}

func (r newRecords) Create(key string, rel *release.Release) error {
	labels := maps.Clone(rel.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for name, value := range map[string]string{LabelVerified: "", LabelUser: labelValue(r.user), LabelHost: labelValue(r.host)} {
		delete(labels, name)
		if value != "" {
			labels[name] = value
		}
	}
	rel.Labels = labels
	return r.Driver.Create(key, rel)
}

// prune deletes the oldest records after a new one was written on top of
// history, so that limit are left. Helm's own pruning (MaxHistory) is off: in a
// row of failures it would delete the revision that a rollback goes to. The
// newest verified one is kept, and so is what Helm takes for deployed. Too many
// records harm nobody, so a failure is a warning.
func (c *Client) prune(ctx context.Context, history []*release.Release, limit int, report event.Reporter) {
	for _, version := range excess(history, limit) {
		err := c.run(ctx, func() error {
			_, err := c.helm.Releases.Delete(c.name, version)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			report.Report(event.Warn(fmt.Sprintf("release %s: the record of revision %d could not be deleted: %v", c, version, err)))
		}
	}
}

// excess are the revisions to delete, the oldest first, so that history and one
// more are no more than limit.
func excess(history []*release.Release, limit int) []int {
	keep := map[int]bool{}
	if rel := deployed(history); rel != nil {
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

// defaultMaxHistory is the default of the helm command. The SDK's own default,
// 0, keeps every revision for ever.
const defaultMaxHistory = 10

func maxHistory(d chart.Desired) int { return cmp.Or(d.MaxHistory, defaultMaxHistory) }
