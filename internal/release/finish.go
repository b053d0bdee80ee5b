package release

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
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

// UnfinishedError is the error of an operation that failed after it had changed objects.
type UnfinishedError struct {
	Revision int
	Extent   Extent
	Err      error
}

func (e *UnfinishedError) Error() string {
	objects := "objects"
	if e.Extent == helmkube.Some {
		objects = "some objects"
	}
	return fmt.Sprintf("%v (%s of revision %d are applied)", e.Err, objects, e.Revision)
}

// Unwrap returns Err.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// recordExtent corrects the records after a failed operation: Helm keeps the earlier
// revision deployed if a hook failed after all objects had been changed.
func (c *Client) recordExtent(ctx context.Context, history []*release.Release, written *release.Release, extent Extent, cause error) error {
	cause = chart.NewRedactor(chart.Manifests(append(slices.Clone(history), written)...)...).Err(cause)
	if extent == helmkube.None {
		return cause
	}
	if err := c.writeExtent(ctx, history, written.Version, extent); err != nil {
		cause = errors.Join(cause, fmt.Errorf("record which objects of revision %d are applied: %w", written.Version, err))
	}
	return &UnfinishedError{written.Version, extent, cause}
}

func (c *Client) writeExtent(ctx context.Context, history []*release.Release, revision int, extent Extent) error {
	if extent == helmkube.Some {
		return c.run(ctx, func() error {
			rel, err := c.helm.Releases.Get(c.name, revision)
			if err != nil {
				return err
			}
			if rel.Labels == nil {
				rel.Labels = map[string]string{}
			}
			rel.Labels[LabelApplied] = string(extent)
			return c.helm.Releases.Update(rel)
		})
	}
	for _, rel := range history {
		if rel.Info.Status == release.StatusDeployed {
			rel.Info.Status = release.StatusSuperseded
			if err := c.update(ctx, rel); err != nil {
				return err
			}
		}
	}
	return nil
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
