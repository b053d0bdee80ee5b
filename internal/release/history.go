package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// History returns the stored revisions, oldest first, or [ErrNotFound].
func (c *Client) History(ctx context.Context) ([]Revision, error) {
	releases, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	if len(releases) == 0 {
		return nil, fmt.Errorf("%s: %w", c, ErrNotFound)
	}
	// Helm's descriptions quote rejected objects.
	redact := chart.NewRedactor(chart.Manifests(releases...)...)
	current := currentRevision(releases)
	revisions := make([]Revision, len(releases))
	for i, rel := range releases {
		revisions[i] = revisionOf(rel)
		revisions[i].Current = rel == current
		revisions[i].Description = redact.Text(rel.Info.Description)
		if i > 0 && !sameFingerprint(releases[i-1], rel) {
			revisions[i].Changes = chart.DiffRevisions(releases[i-1], rel)
		}
	}
	return revisions, nil
}

// MarkVerified records that a revision became ready and passed its smoke tests, which
// makes it a rollback target. It ignores a revision that is not deployed, such as the one
// of a failed upgrade. It returns [ErrNotFound] if there is no such revision.
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
			return applyError(fmt.Errorf("mark revision %d of %s as verified: %w", revision, c, err))
		}
		return nil
	}
	return fmt.Errorf("mark revision %d of %s as verified: %w", revision, c, ErrNotFound)
}

func (c *Client) update(ctx context.Context, rel *release.Release) error {
	return c.run(ctx, func() error { return c.helm.Releases.Update(rel) })
}

func (c *Client) releases(ctx context.Context) ([]*release.Release, error) {
	c.log.Drain()
	var all []*release.Release
	err := c.run(ctx, func() (err error) {
		all, err = c.helm.Releases.History(c.name)
		return err
	})
	if errors.Is(err, driver.ErrReleaseNotFound) {
		err = nil
	}
	if err != nil {
		return nil, applyError(fmt.Errorf("read the history of release %s: %w", c, err))
	}
	// Helm skips records that it cannot decode, and only logs them.
	if slices.ContainsFunc(c.log.Drain(), func(line string) bool { return strings.Contains(line, "failed to decode release") }) {
		return nil, fault.New(fault.Apply,
			fmt.Errorf("read the history of release %s: a record cannot be decoded", c),
			fmt.Sprintf("find the damaged Secret among sh.helm.release.v1.%s.v* in namespace %s and delete it", c.name, c.namespace))
	}
	slices.SortFunc(all, func(a, b *release.Release) int { return a.Version - b.Version })
	return all, nil
}
