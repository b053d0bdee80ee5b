package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
)

// finish makes the new revision the only deployed one and deletes objects that only
// earlier revisions have. If that fails, it marks the revision as failed, and the next
// run repeats it.
func (c *Client) finish(ctx context.Context, revision int, earlier []*release.Release) error {
	written, err := c.correctStatuses(ctx, revision)
	if err == nil {
		err = c.pruneObjects(ctx, earlier, written)
	}
	if err == nil || isContextError(err) {
		return err
	}
	if undone := c.failRevision(ctx, revision, err); undone != nil {
		return fmt.Errorf("%w (marking the revision as failed also failed: %w)", err, undone)
	}
	return err
}

func (c *Client) correctStatuses(ctx context.Context, revision int) (*release.Release, error) {
	history, err := c.releases(ctx)
	if err != nil {
		return nil, err
	}
	var written *release.Release
	for _, rel := range history {
		status := release.StatusSuperseded
		switch {
		case rel.Version == revision:
			written, status = rel, release.StatusDeployed
		case rel.Info.Status != release.StatusDeployed:
			continue
		}
		if rel.Info.Status == status {
			continue
		}
		rel.Info.Status = status
		if err := c.update(ctx, rel); err != nil {
			return nil, fmt.Errorf("mark revision %d of %s as %s: %w", rel.Version, c, status, err)
		}
	}
	if written == nil {
		return nil, fmt.Errorf("find revision %d of %s in the history: %w", revision, c, ErrNotFound)
	}
	return written, nil
}

func (c *Client) failRevision(ctx context.Context, revision int, cause error) error {
	return c.run(ctx, func() error {
		rel, err := c.helm.Releases.Get(c.name, revision)
		if err != nil {
			return err
		}
		rel.SetStatus(release.StatusFailed, cause.Error())
		return c.helm.Releases.Update(rel)
	})
}
