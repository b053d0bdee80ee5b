package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/text"
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
			i, err := open(c)
			if err != nil {
				return err
			}
			h, err := i.session.History(c.Context)
			if err != nil {
				return err
			}
			if i.json {
				return writeJSON(streams.Out, h)
			}
			return printHistory(streams.Out, h, c.Bool("changes"))
		},
	}
}

func printHistory(w io.Writer, h *deploy.History, changes bool) error {
	if len(h.Revisions) == 0 {
		_, err := fmt.Fprintf(w, "no release %s in namespace %s\n", h.Name, h.Namespace)
		return err
	}
	p := text.NewTable(w)
	last := "WHY"
	if changes {
		last = "CHANGED"
	}
	p.Row("CURRENT", "REVISION", "UPDATED", "STATUS", "VERIFIED", "CHART", "APP", "COMMIT", "BY", last)
	for _, r := range h.Revisions {
		mark, verified := "", "no"
		if r.Current {
			mark = "*"
		}
		if r.Verified {
			verified = "yes"
		}
		last := text.FirstLine(r.Description)
		if changes {
			last = orDash(strings.Join(r.Changes, "; "))
		}
		p.Row(mark, fmt.Sprint(r.Revision), r.Updated.Local().Format(time.DateTime), r.Status, verified,
			r.Chart, orDash(r.AppVersion), orDash(r.Commit), orDash(r.By), last)
	}
	return p.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
