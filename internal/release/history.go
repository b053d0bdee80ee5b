package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// ErrNotFound says that there is no such release, or no such revision.
var ErrNotFound = errors.New("release not found")

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

// History lists the kept revisions, the oldest first; none is [ErrNotFound].
func (c *Client) History(ctx context.Context) ([]Revision, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	if len(releases) == 0 {
		return nil, fmt.Errorf("%s: %w", c, ErrNotFound)
	}
	// Helm quotes in a description what the API server has rejected.
	redact := redactorFor(manifestsOf(releases...)...)
	current := serving(releases)
	revisions := make([]Revision, len(releases))
	for i, rel := range releases {
		revisions[i] = revisionOf(rel)
		revisions[i].Current = rel == current
		revisions[i].Description = redact.text(rel.Info.Description)
		if i > 0 {
			revisions[i].Changes = changesBetween(releases[i-1], rel)
		}
	}
	return revisions, nil
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
		Images:      imagesOf(rel),
	}
	if rel.Chart != nil && rel.Chart.Metadata != nil {
		r.Chart = rel.Chart.Metadata.Name + "-" + rel.Chart.Metadata.Version
		r.AppVersion = rel.Chart.Metadata.AppVersion
	}
	return r
}

// MarkVerified notes on a revision's record that it came up and passed its
// smoke tests. Rollbacks go to such revisions only. One that is not deployed
// stays as it is: after a failed upgrade it is not what runs. Nothing is written
// where the mark is.
func (c *Client) MarkVerified(ctx context.Context, revision int) error {
	releases, err := c.releases(ctx)
	if err != nil {
		return err
	}
	for _, rel := range releases {
		if rel.Version != revision {
			continue
		}
		if rel.Info.Status != release.StatusDeployed || isVerified(rel) {
			return nil
		}
		if rel.Labels == nil {
			rel.Labels = map[string]string{}
		}
		rel.Labels[LabelVerified] = "true"
		if err := c.update(ctx, rel); err != nil {
			return failed(fmt.Errorf("mark revision %d of %s as verified: %w", revision, c, err))
		}
		return nil
	}
	return fmt.Errorf("mark revision %d of %s as verified: %w", revision, c, ErrNotFound)
}

// update stores a revision's record as it is now.
func (c *Client) update(ctx context.Context, rel *release.Release) error {
	return c.run(ctx, func() error { return c.helm.Releases.Update(rel) })
}

// releases are the stored revisions, the oldest first; there may be none.
func (c *Client) releases(ctx context.Context) ([]*release.Release, error) {
	c.log.drain()
	var all []*release.Release
	err := c.run(ctx, func() (err error) {
		all, err = c.helm.Releases.History(c.name)
		return err
	})
	if errors.Is(err, driver.ErrReleaseNotFound) {
		err = nil
	}
	if err != nil {
		return nil, failed(fmt.Errorf("read the history of release %s: %w", c, err))
	}
	// Helm's storage skips a record that it cannot decode, and only logs it.
	if slices.ContainsFunc(c.log.drain(), func(line string) bool { return strings.Contains(line, "failed to decode release") }) {
		return nil, fault.New(fault.Apply,
			fmt.Errorf("read the history of release %s: a record cannot be decoded", c),
			fmt.Sprintf("find the damaged one of the Secrets sh.helm.release.v1.%s.v* in namespace %s and delete it by hand", c.name, c.namespace))
	}
	slices.SortFunc(all, func(a, b *release.Release) int { return a.Version - b.Version })
	return all, nil
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

// imagesOf are the images of a revision's workloads and hooks, sorted, each
// once. A manifest that cannot be read has none.
func imagesOf(rel *release.Release) []string {
	var refs []string
	for _, manifest := range manifestsOf(rel) {
		all, err := objects(manifest)
		if err != nil {
			return nil
		}
		for _, o := range all {
			for _, image := range images(o) {
				refs = append(refs, image.ref)
			}
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}
