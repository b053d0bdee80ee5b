package app

import (
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/verify"
)

// probeCommand is what the smoke test's pod runs: this same binary.
func probeCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:   "probe",
		Usage:  "ask the checks on standard input; runs inside the cluster",
		Hidden: true,
		Action: func(c *cli.Context) error { return verify.Probe(c.Context, streams.In, streams.Out) },
	}
}
