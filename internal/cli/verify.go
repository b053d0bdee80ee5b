package cli

import (
	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/plan"
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
			w, err := open(c)
			if err != nil {
				return err
			}
			d := &deploy.Run{Workspace: w.Workspace, Timeout: c.Duration("timeout"), Verify: true}
			p, err := d.UpPlan()
			if err != nil {
				return err
			}
			if p, err = p.Select(plan.Selection{Only: []string{deploy.StageVerify}}); err != nil {
				return err
			}
			return w.run(c.Context, p, nil, w.NewLocks(), streams)
		},
	}
}
