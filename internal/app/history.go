package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/release"
)

func historyCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "history",
		Usage: "show the release's revisions, and which of them worked",
		Description: "A revision is verified when its workloads came up and its smoke test passed. The last 10 are kept,\n" +
			"and always the newest verified one. The one that runs is marked *.\n\n" +
			"Examples:\n" +
			"   tkdeploy history\n" +
			"   tkdeploy history --changes\n" +
			"   tkdeploy history --output json | jq '.revisions[] | select(.verified) | .revision'",
		Flags: []cli.Flag{
			envFlag(), configFlag(), outputFlag(),
			&cli.BoolFlag{Name: "changes", Usage: "show what changed against the revision before, in place of why it was written"},
		},
		Action: func(c *cli.Context) error {
			w, err := open(c)
			if err != nil {
				return err
			}
			h, err := w.history(c.Context)
			if err != nil {
				return err
			}
			if w.json {
				return writeJSON(streams.Out, h)
			}
			return h.print(streams.Out, c.Bool("changes"))
		},
	}
}

// history is what `tkdeploy history --output json` prints; docs/events.md
// documents it.
type history struct {
	Environment string            `json:"environment"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Revisions   []historyRevision `json:"revisions"` // the oldest first
}

type historyRevision struct {
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

// history reads the revisions; a release that is not there has none.
func (w *workspace) history(ctx context.Context) (*history, error) {
	if _, err := w.observeRunning(ctx); err != nil {
		return nil, err
	}
	client, err := w.release()
	if err != nil {
		return nil, err
	}
	found, err := client.History(ctx)
	if err != nil && !errors.Is(err, release.ErrNotFound) {
		return nil, err
	}
	h := &history{Environment: w.envName, Name: w.config.Chart.Release, Namespace: w.config.Chart.Namespace, Revisions: []historyRevision{}}
	for _, r := range found {
		h.Revisions = append(h.Revisions, historyRevision{
			Revision: r.Revision, Updated: r.Updated.UTC(), Status: r.Status, Current: r.Current, Verified: r.Verified,
			Chart: r.Chart, AppVersion: r.AppVersion, Commit: r.Commit, By: by(r), Description: r.Description, Images: r.Images, Changes: r.Changes,
		})
	}
	return h, nil
}

func (h *history) print(w io.Writer, changes bool) error {
	if len(h.Revisions) == 0 {
		_, err := fmt.Fprintf(w, "no release %s in namespace %s\n", h.Name, h.Namespace)
		return err
	}
	p := newPrinter(w)
	last := "WHY"
	if changes {
		last = "CHANGED"
	}
	p.row("  REVISION", "UPDATED", "STATUS", "VERIFIED", "CHART", "APP", "COMMIT", "BY", last)
	for _, r := range h.Revisions {
		mark, verified := "  ", "no"
		if r.Current {
			mark = "* "
		}
		if r.Verified {
			verified = "yes"
		}
		text := oneLine(r.Description)
		if changes {
			text = orDash(strings.Join(r.Changes, "; "))
		}
		p.row(mark+fmt.Sprint(r.Revision), r.Updated.Local().Format(time.DateTime), r.Status, verified,
			r.Chart, orDash(r.AppVersion), orDash(r.Commit), orDash(r.By), text)
	}
	return p.close()
}

// by is who wrote a revision: "ada@laptop".
func by(r release.Revision) string {
	if r.User == "" || r.Host == "" {
		return r.User + r.Host
	}
	return r.User + "@" + r.Host
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// oneLine is the first line of a text, and whether there are more.
func oneLine(s string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if rest != "" {
		first += " …"
	}
	return first
}
