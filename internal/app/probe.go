package app

import (
	"os"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify"
)

const probeCommandName = "probe"

// probeCommand is what the smoke test's pod runs: this same binary.
func probeCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:   probeCommandName,
		Usage:  "ask the checks of the environment variable " + verify.EnvChecks + "; runs inside the cluster",
		Hidden: true,
		Action: func(c *cli.Context) error {
			checks, err := verify.Unpack(os.Getenv(verify.EnvChecks))
			if err != nil {
				return fault.New(fault.Usage, err, "this command is for the pod of the smoke test: tkdeploy verify")
			}
			return verify.Probe(c.Context, checks, streams.Out)
		},
	}
}
