package app

import (
	"errors"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
)

func junitFlag() cli.Flag {
	return &cli.StringFlag{Name: "junit", Usage: "write a JUnit report of the run to `FILE`, for a CI server"}
}

// junitPath reads --junit and makes sure that the file can be written: better
// to say so now than after the work.
func junitPath(c *cli.Context) (string, error) {
	path := c.String("junit")
	switch {
	case path == "" && c.IsSet("junit"):
		return "", fault.New(fault.Usage, errors.New("--junit names no file"), "")
	case path == "":
		return "", nil
	case c.Bool("dry-run"):
		return "", fault.New(fault.Usage, errors.New("--junit does not go with --dry-run: nothing is run"), "leave out one of them")
	}
	return path, report.PrepareJUnit(path)
}

func (w *workspace) junitOptions() report.JUnitOptions {
	return report.JUnitOptions{
		Path:    w.junit,
		Group:   "tkdeploy." + w.envName,
		Explain: explainFailures,
		Class: func(stage string, err error) fault.Class {
			return classOf(&plan.StageError{Stage: stage, Err: err})
		},
	}
}
