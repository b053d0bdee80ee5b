package deploy

import (
	"context"
	"errors"
	"time"

	"tkdeploy.dev/tkdeploy/internal/release"
)

// History lists the revisions of a release. docs/events.md documents its JSON form.
type History struct {
	Environment string            `json:"environment"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Revisions   []HistoryRevision `json:"revisions"` // oldest first
}

// HistoryRevision is one revision of a release.
type HistoryRevision struct {
	Revision    int       `json:"revision"`
	Updated     time.Time `json:"updated"`
	Status      string    `json:"status"`
	Current     bool      `json:"current"`
	Partly      bool      `json:"partly_applied,omitempty"` // failed, with some of its objects in the cluster
	Verified    bool      `json:"verified"`
	Chart       string    `json:"chart"`
	AppVersion  string    `json:"app_version,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	By          string    `json:"by,omitempty"` // user@host
	Description string    `json:"description"`
	Images      []string  `json:"images,omitempty"`
	Changes     []string  `json:"changes,omitempty"` // since the previous revision
}

// History reads the revisions of the release. It fails if the cluster is not
// running. A release that does not exist has no revisions.
func (s *Session) History(ctx context.Context) (*History, error) {
	if _, err := s.requireRunning(ctx); err != nil {
		return nil, err
	}
	client, err := s.OpenRelease(ctx)
	if err != nil {
		return nil, err
	}
	found, err := client.History(ctx)
	if err != nil && !errors.Is(err, release.ErrNotFound) {
		return nil, err
	}
	chart := s.Workspace.Config.Chart
	h := &History{Environment: s.Workspace.EnvName, Name: chart.Release, Namespace: chart.Namespace, Revisions: []HistoryRevision{}}
	for _, r := range found {
		h.Revisions = append(h.Revisions, HistoryRevision{
			Revision: r.Revision, Updated: r.Updated.UTC(), Status: r.Status, Current: r.Current, Partly: r.Partly, Verified: r.Verified,
			Chart: r.Chart, AppVersion: r.AppVersion, Commit: r.Commit, By: writer(r), Description: r.Description, Images: r.Images, Changes: r.Changes,
		})
	}
	return h, nil
}

func writer(r release.Revision) string {
	if r.User == "" || r.Host == "" {
		return r.User + r.Host
	}
	return r.User + "@" + r.Host
}
