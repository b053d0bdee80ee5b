package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func kubeconfigCommand(streams Streams) command {
	return command{
		name:    "kubeconfig",
		summary: "Print the path of the environment's kubeconfig, or merge it into yours",
		details: "tkdeploy writes a separate kubeconfig and changes yours only with --merge.",
		examples: []example{
			{"export KUBECONFIG=$(tkdeploy kubeconfig)", ""},
			{"tkdeploy kubeconfig --merge", "add the cluster to $KUBECONFIG or ~/.kube/config"},
		},
		flags: append(sessionFlags(), &cli.BoolFlag{Name: "merge", Usage: "Add the cluster to your kubeconfig and keep the current context"}),
		run: func(c *cli.Context) error {
			return kubeconfigOptions{newSessionOptions(c), c.Bool("merge")}.kubeconfig(c.Context, streams)
		},
	}
}

type kubeconfigOptions struct {
	session sessionOptions
	merge   bool
}

func (o kubeconfigOptions) kubeconfig(ctx context.Context, streams Streams) error {
	s, err := o.session.open(streams)
	if err != nil {
		return err
	}
	cluster := s.Workspace.Cluster
	if err := cluster.CheckRecord(); err != nil {
		return err
	}
	// Without an engine, the record has to suffice.
	if err := s.CheckOwnership(ctx); fault.ClassOf(err) == fault.NotOwned {
		return err
	}
	if _, err := os.Stat(cluster.Kubeconfig()); err != nil {
		return fault.New(fault.Cluster, fmt.Errorf("environment %s has no cluster: %w", o.session.env, err),
			"create it: tkdeploy up --env "+o.session.env)
	}
	if !o.merge {
		_, err = fmt.Fprintln(streams.Out, cluster.Kubeconfig())
		return err
	}
	path, err := cluster.MergeKubeconfig()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "%s: context kind-%s\n", path, cluster.Name)
	return err
}
