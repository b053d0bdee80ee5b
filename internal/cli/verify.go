package cli

import (
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

func verifyCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "smoke-test what runs, from inside the cluster",
		Description: "The checks come from the chart's Services and probes: names, ports, HTTP and gRPC health.\n" +
			"The chart's test hooks (helm.sh/hook: test) run too; one that writes TAP is reported step by step.\n" +
			"Nothing is built, loaded or applied.\n\n" +
			"Examples:\n" +
			"   tkdeploy verify\n" +
			"   tkdeploy verify --env ci --output json\n" +
			"   tkdeploy verify --env ci --junit junit.xml   a test case for each check",
		Flags: append(runFlags(), diagnosticsFlag(), timeoutFlag()),
		Action: func(c *cli.Context) error {
			i, err := open(c)
			if err != nil {
				return err
			}
			p, err := i.session.NewRun(deploy.Options{Timeout: c.Duration("timeout"), Verify: true}).VerifyPlan()
			if err != nil {
				return err
			}
			return i.run(c.Context, p, nil, i.session.NewLocks(), streams)
		},
	}
}
