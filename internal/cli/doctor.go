package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func doctorCommand(streams Streams) command {
	return command{
		name:    "doctor",
		summary: "Check this machine for problems and suggest fixes",
		details: "Prints one line per check: ok, warn or fail, followed by a fix. The exit code is 4 if a check fails; warnings\n" +
			"do not count. With --fix, writes a .dockerignore for each build context without one that carries .git,\n" +
			"tkdeploy.yaml, values files or the chart. Changes nothing else.",
		examples: []example{
			{"tkdeploy doctor", ""},
			{`tkdeploy doctor --env ci --output json | jq '.checks[] | select(.status != "ok")'`, ""},
		},
		flags: append(queryFlags(), &cli.BoolFlag{Name: "fix", Usage: "Write missing .dockerignore files first"}),
		run: func(c *cli.Context) error {
			o, err := newQueryOptions(c)
			if err != nil {
				return err
			}
			return doctorOptions{o, c.Bool("fix")}.doctor(c.Context, streams)
		},
	}
}

type doctorOptions struct {
	query queryOptions
	fix   bool
}

func (o doctorOptions) doctor(ctx context.Context, streams Streams) error {
	s, err := o.query.session.open(streams)
	if err != nil {
		return err
	}
	if o.fix {
		did, err := doctor.Fix(ctx, s.Workspace)
		for _, line := range did {
			if _, err := fmt.Fprintln(streams.Err, line); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	r := doctor.Run(ctx, s, doctor.Timeout)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := printDoctorReport(streams.Out, r, o.query.json); err != nil {
		return err
	}
	return r.Err()
}

func printDoctorReport(w io.Writer, r *doctor.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	t := text.NewTable(w)
	for _, result := range r.Checks {
		t.Row(string(result.Status), result.Name, result.Message)
		for i, line := range strings.Split(result.Fix, "\n") {
			switch {
			case line == "":
			case i == 0:
				t.Row("", "", "fix: "+line)
			default:
				t.Row("", "", line)
			}
		}
	}
	return t.Flush()
}
