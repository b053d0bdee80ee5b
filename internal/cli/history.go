package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func historyCommand(streams Streams) command {
	return command{
		name:    "history",
		summary: "Show the revisions of the release",
		details: "A revision is verified if its workloads became ready and its smoke test passed. tkdeploy keeps the last 10\n" +
			"revisions and the newest verified one. * marks the revision whose objects are in the cluster.",
		examples: []example{
			{"tkdeploy history", ""},
			{"tkdeploy history --changes", ""},
			{"tkdeploy history --output json | jq '.revisions[] | select(.verified) | .revision'", ""},
		},
		flags: append(queryFlags(), &cli.BoolFlag{Name: "changes", Usage: "Show the changes since the previous revision instead of the description"}),
		run: func(c *cli.Context) error {
			o, err := newQueryOptions(c)
			if err != nil {
				return err
			}
			return historyOptions{o, c.Bool("changes")}.history(c.Context, streams)
		},
	}
}

type historyOptions struct {
	query   queryOptions
	changes bool
}

func (o historyOptions) history(ctx context.Context, streams Streams) error {
	s, err := o.query.session.open(streams)
	if err != nil {
		return err
	}
	h, err := s.History(ctx)
	if err != nil {
		return err
	}
	if o.query.json {
		return writeJSON(streams.Out, h)
	}
	return printHistory(streams.Out, h, o.changes)
}

func printHistory(w io.Writer, h *deploy.History, changes bool) error {
	if len(h.Revisions) == 0 {
		_, err := fmt.Fprintf(w, "no release %s in namespace %s\n", h.Name, h.Namespace)
		return err
	}
	last := "DESCRIPTION"
	if changes {
		last = "CHANGES"
	}
	t := text.NewTable(w)
	t.Row("CURRENT", "REVISION", "UPDATED", "STATUS", "VERIFIED", "CHART", "APP VERSION", "COMMIT", "BY", last)
	for _, r := range h.Revisions {
		current := ""
		if r.Current {
			current = "*"
		}
		note := text.FirstLine(r.Description)
		if changes {
			note = orDash(strings.Join(r.Changes, "; "))
		}
		t.Row(current, fmt.Sprint(r.Revision), r.Updated.Local().Format(time.DateTime), revisionStatus(r.Status, r.Partly), yesNo(r.Verified),
			r.Chart, orDash(r.AppVersion), orDash(r.Commit), orDash(r.By), note)
	}
	return t.Flush()
}

func revisionStatus(status string, partly bool) string {
	if partly {
		status += ", partly applied"
	}
	return status
}

func orDash(s string) string { return cmp.Or(s, "-") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
