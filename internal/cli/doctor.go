package cli

import (
	"io"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func doctorCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "look for what would keep up from its work, and say how to mend it",
		Description: "One line a check: ok, warn or fail, and the fix where it is not ok. Nothing is changed.\n" +
			"The status is 4 if a check fails; warnings do not count.\n\n" +
			"Examples:\n" +
			"   tkdeploy doctor\n" +
			"   tkdeploy doctor --env ci --output json | jq '.checks[] | select(.status != \"ok\")'",
		Flags: []cli.Flag{envFlag(), configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			i, err := open(c)
			if err != nil {
				return err
			}
			d := doctor.Run(c.Context, i.session, doctor.Timeout)
			if err := c.Err(); err != nil {
				return err
			}
			if err := writeDiagnosis(streams.Out, d, i.json); err != nil {
				return err
			}
			return d.Err()
		},
	}
}

func writeDiagnosis(w io.Writer, d *doctor.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(w, d)
	}
	p := text.NewTable(w)
	for _, f := range d.Checks {
		p.Row(string(f.Status), f.Name, f.Message)
		if f.Fix != "" {
			p.Row("", "", text.Indent("fix: "+f.Fix, "\t\t     "))
		}
	}
	return p.Flush()
}
