package cli

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
)

const (
	junitFlag   = "junit"
	htmlFlag    = "report"
	timingsFlag = "timings"
)

// runFlags are those of all commands that run stages.
func runFlags() []cli.Flag {
	return []cli.Flag{
		envFlag(), configFlag(), outputFlag(),
		&cli.StringFlag{Name: junitFlag, Usage: "write a JUnit report of the run to `FILE`, for a CI server"},
		&cli.StringFlag{Name: htmlFlag, Usage: "write an HTML report of the run to `FILE`, with a picture of where the time went"},
		&cli.BoolFlag{Name: timingsFlag, Usage: "say at the end where the time went: each stage, its slowest items, the critical path"},
	}
}

// reports are what the flags want of a run beside its events: files, or none,
// and a table.
type reports struct {
	junit, html string
	timings     bool
}

// readReports reads the flags and makes sure that the files can be written:
// better to say so now than after the work.
func readReports(c *cli.Context) (reports, error) {
	r := reports{junit: c.String(junitFlag), html: c.String(htmlFlag), timings: c.Bool(timingsFlag)}
	for _, name := range []string{junitFlag, htmlFlag, timingsFlag} {
		switch {
		case !c.IsSet(name):
		case name != timingsFlag && c.String(name) == "":
			return r, fault.New(fault.Usage, fmt.Errorf("--%s names no file", name), "")
		case c.Bool("dry-run"):
			return r, fault.New(fault.Usage, fmt.Errorf("--%s does not go with --dry-run: nothing is run", name), "leave out one of them")
		}
	}
	if r.junit != "" && r.html != "" && filepath.Clean(r.junit) == filepath.Clean(r.html) {
		return r, fault.New(fault.Usage, fmt.Errorf("--%s and --%s name the same file", junitFlag, htmlFlag), "give each its own")
	}
	if r.junit != "" {
		if err := report.PrepareJUnit(r.junit); err != nil {
			return r, err
		}
	}
	if r.html != "" {
		return r, report.PrepareHTML(r.html)
	}
	return r, nil
}

// reporter renders the events of a run as the flags want it.
func (i *invocation) reporter(streams Streams) report.Closer {
	return report.New(report.Options{
		Out: streams.Out, Err: streams.Err, JSON: i.json, TTY: streams.TTY, Color: streams.Color,
		Width: streams.Width, Timings: i.reports.timings,
		JUnit: report.JUnitOptions{
			Path:    i.reports.junit,
			Group:   "tkdeploy." + i.session.Workspace.EnvName,
			Explain: explainFailures,
			Class: func(stage string, err error) fault.Class {
				return classOf(&plan.StageError{Stage: stage, Err: err})
			},
		},
		HTML: report.HTMLOptions{Path: i.reports.html, Command: i.session.Workspace.Command.String(), Explain: explainFailures},
	})
}
