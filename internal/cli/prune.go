package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/prune"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func pruneCommand(streams Streams) command {
	return command{
		name:    "prune",
		summary: "Remove unused images and state of this project",
		details: "Removes images that tkdeploy built for this project, unless the checkout, a pod or a revision of a cluster of\n" +
			"the project uses them: a rollback finds all its images. If the revisions of such a cluster cannot be read, it\n" +
			"keeps all images. Also removes the state of the project's clusters that no longer exist, but data of volumes\n" +
			"only with --volumes. Prints sizes, largest first. Builds of the last 30 minutes are kept.",
		examples: []example{
			{"tkdeploy prune --dry-run", "print what would be removed"},
			{"tkdeploy prune", ""},
			{"docker builder prune", "remove the build cache, which all projects share"},
		},
		flags: append(queryFlags(), &cli.BoolFlag{Name: "dry-run", Usage: "Print what would be removed"},
			&cli.BoolFlag{Name: "volumes", Usage: "Remove the data of volumes of clusters that no longer exist as well"}),
		run: func(c *cli.Context) error {
			o, err := newQueryOptions(c)
			if err != nil {
				return err
			}
			return pruneOptions{o, c.Bool("dry-run"), c.Bool("volumes")}.prune(c.Context, streams)
		},
	}
}

type pruneOptions struct {
	query           queryOptions
	dryRun, volumes bool
}

func (o pruneOptions) prune(ctx context.Context, streams Streams) error {
	s, err := o.query.session.open(streams)
	if err != nil {
		return err
	}
	p := prune.New(s, o.volumes)
	plan, err := p.Find(ctx)
	if err != nil {
		return err
	}
	if !o.dryRun {
		err = p.Apply(ctx, plan)
	}
	if o.query.json {
		return cmp.Or(err, writeJSON(streams.Out, plan))
	}
	return cmp.Or(err, printPrune(streams.Out, plan))
}

func printPrune(w io.Writer, plan *prune.Plan) error {
	t := text.NewTable(w)
	for _, i := range plan.Images {
		t.Row(formatBytes(i.Size), i.Ref)
	}
	for _, f := range plan.Folders {
		t.Row(formatBytes(f.Size), f.Path)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, kept := range plan.Kept {
		if _, err := fmt.Fprintln(w, "kept "+kept); err != nil {
			return err
		}
	}
	did := "would remove"
	if plan.Removed {
		did = "removed"
	}
	_, err := fmt.Fprintf(w, "%s %s and %s: %s\n", did, text.Plural(len(plan.Images), "image"), text.Plural(len(plan.Folders), "folder"), formatBytes(plan.Bytes))
	return err
}

func formatBytes(n int64) string { return units.BytesSize(float64(n)) }
