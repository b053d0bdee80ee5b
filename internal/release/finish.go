package release

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
)

// finish makes sure of what Helm only logs when it fails: that a new revision
// is noted as deployed and no other is, and that no object of the earlier
// revisions is left which the new one does not have. Where that cannot be done
// the revision counts as failed, so that the next run does it.
func (c *Client) finish(ctx context.Context, revision int, earlier []*release.Release) error {
	written, err := c.confirm(ctx, revision)
	if err == nil {
		err = c.sweep(ctx, earlier, written)
	}
	if err == nil || isEnd(err) {
		return err
	}
	if undone := c.unconfirm(ctx, revision, err); undone != nil {
		return fmt.Errorf("%w (and it could not be marked as failed: %w)", err, undone)
	}
	return err
}

// confirm corrects the statuses in the history and gives the new revision.
func (c *Client) confirm(ctx context.Context, revision int) (*release.Release, error) {
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
			return nil, fmt.Errorf("note that revision %d of %s is %s: %w", rel.Version, c, status, err)
		}
	}
	if written == nil {
		return nil, fmt.Errorf("revision %d of %s is not in its history: %w", revision, c, ErrNotFound)
	}
	return written, nil
}

func (c *Client) unconfirm(ctx context.Context, revision int, cause error) error {
	return c.run(ctx, func() error {
		rel, err := c.helm.Releases.Get(c.name, revision)
		if err != nil {
			return err
		}
		rel.SetStatus(release.StatusFailed, cause.Error())
		return c.helm.Releases.Update(rel)
	})
}
