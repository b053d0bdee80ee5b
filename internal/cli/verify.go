package cli

import (
	"context"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

func verifyCommand(streams Streams) command {
	return command{
		name:    "verify",
		summary: "Run the smoke test inside the cluster",
		details: "The checks are derived from the chart's Services and probes: names, ports, HTTP and gRPC health. The\n" +
			"chart's test hooks (helm.sh/hook: test) run too; a hook that writes TAP reports each of its steps. verify\n" +
			"does not build, load or apply anything.",
		examples: []example{
			{"tkdeploy verify", ""},
			{"tkdeploy verify --env ci --output json", "print one event per line"},
			{"tkdeploy verify --env ci --junit junit.xml", "write a test case for each check"},
		},
		flags: clusterRunFlags(),
		run: func(c *cli.Context) error {
			run, err := newRunOptions(c)
			if err != nil {
				return err
			}
			return verifyOptions{run: run, timeout: c.Duration(timeoutFlag)}.verify(c.Context, streams)
		},
	}
}

type verifyOptions struct {
	run     runOptions
	timeout time.Duration
}

func (o verifyOptions) verify(ctx context.Context, streams Streams) error {
	i, err := o.run.open(streams)
	if err != nil {
		return err
	}
	p, err := i.session.NewRun(deploy.Options{Timeout: o.timeout, Verify: true}).VerifyPlan()
	if err != nil {
		return err
	}
	return i.run(ctx, p, nil, i.session.NewLocks())
}

// probeCommand replaces cmd/tkdeploy-probe in images that contain tkdeploy itself.
func probeCommand(streams Streams) command {
	return command{
		name:    program.Command,
		summary: "Run the checks of the environment variable " + probe.EnvChecks + "; for the pod of the smoke test",
		hidden:  true,
		run: func(c *cli.Context) error {
			checks, err := probe.Unpack(os.Getenv(probe.EnvChecks))
			if err != nil {
				return fault.New(fault.Usage, err, `run "tkdeploy verify", which starts this command in the cluster`)
			}
			return probe.Run(c.Context, checks, streams.Out)
		},
	}
}
