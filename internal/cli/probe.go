package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// probeCommand is what cmd/tkdeploy-probe does, for where that is not beside
// this program.
func probeCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:   deploy.ProbeCommand,
		Usage:  "ask the checks of the environment variable " + probe.EnvChecks + "; runs inside the cluster",
		Hidden: true,
		Action: func(c *cli.Context) error {
			checks, err := probe.Unpack(os.Getenv(probe.EnvChecks))
			if err != nil {
				return fault.New(fault.Usage, err, "this command is for the pod of the smoke test: tkdeploy verify")
			}
			return probe.Run(c.Context, checks, streams.Out)
		},
	}
}
