package deploy

import (
	"context"
	"errors"
	"time"

	"tkdeploy.dev/tkdeploy/internal/release"
)

// History is what `tkdeploy history --output json` prints; docs/events.md
// documents it.
type History struct {
	Environment string            `json:"environment"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Revisions   []HistoryRevision `json:"revisions"` // the oldest first
}

// HistoryRevision is one revision of the release.
type HistoryRevision struct {
	Revision    int       `json:"revision"`
	Updated     time.Time `json:"updated"`
	Status      string    `json:"status"`
	Current     bool      `json:"current"`
	Verified    bool      `json:"verified"`
	Chart       string    `json:"chart"`
	AppVersion  string    `json:"app_version,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	By          string    `json:"by,omitempty"` // user@machine
	Description string    `json:"description"`
	Images      []string  `json:"images,omitempty"`
	Changes     []string  `json:"changes,omitempty"` // against the revision before
}

// History reads the revisions; a release that is not there has none.
func (w *Workspace) History(ctx context.Context) (*History, error) {
	if _, err := w.observeRunning(ctx); err != nil {
		return nil, err
	}
	client, err := w.OpenRelease()
	if err != nil {
		return nil, err
	}
	found, err := client.History(ctx)
	if err != nil && !errors.Is(err, release.ErrNotFound) {
		return nil, err
	}
	h := &History{Environment: w.EnvName, Name: w.Config.Chart.Release, Namespace: w.Config.Chart.Namespace, Revisions: []HistoryRevision{}}
	for _, r := range found {
		h.Revisions = append(h.Revisions, HistoryRevision{
			Revision: r.Revision, Updated: r.Updated.UTC(), Status: r.Status, Current: r.Current, Verified: r.Verified,
			Chart: r.Chart, AppVersion: r.AppVersion, Commit: r.Commit, By: by(r), Description: r.Description, Images: r.Images, Changes: r.Changes,
		})
	}
	return h, nil
}

// by is who wrote a revision: "ada@laptop".
func by(r release.Revision) string {
	if r.User == "" || r.Host == "" {
		return r.User + r.Host
	}
	return r.User + "@" + r.Host
}
