package cli

import (
	"context"
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
		details: "Prints one line per check: ok, warn or fail, followed by a fix. Changes nothing. The exit code is 4 if a\n" +
			"check fails; warnings do not count.",
		examples: []example{
			{"tkdeploy doctor", ""},
			{`tkdeploy doctor --env ci --output json | jq '.checks[] | select(.status != "ok")'`, ""},
		},
		flags: queryFlags(),
		run: func(c *cli.Context) error {
			o, err := newQueryOptions(c)
			if err != nil {
				return err
			}
			return doctorOptions{o}.doctor(c.Context, streams)
		},
	}
}

type doctorOptions struct{ query queryOptions }

func (o doctorOptions) doctor(ctx context.Context, streams Streams) error {
	s, err := o.query.session.open(streams)
	if err != nil {
		return err
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
