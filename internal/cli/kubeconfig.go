package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func kubeconfigCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "kubeconfig",
		Usage: "print the path of the environment's kubeconfig, or merge it into yours",
		Description: "tkdeploy keeps a kubeconfig of its own and leaves yours alone.\n\n" +
			"Examples:\n" +
			"   export KUBECONFIG=$(tkdeploy kubeconfig)\n" +
			"   tkdeploy kubeconfig --merge   add the cluster to $KUBECONFIG or ~/.kube/config",
		Flags: []cli.Flag{
			envFlag(), configFlag(),
			&cli.BoolFlag{Name: "merge", Usage: "add the cluster to your kubeconfig; the current context stays"},
		},
		Action: func(c *cli.Context) error {
			i, err := open(c)
			if err != nil {
				return err
			}
			if _, err := os.Stat(i.session.Workspace.Cluster.Kubeconfig()); err != nil {
				return fault.New(fault.Cluster, fmt.Errorf("environment %s has no cluster: %w", i.session.Workspace.EnvName, err),
					"create it: tkdeploy up --env "+i.session.Workspace.EnvName)
			}
			if !c.Bool("merge") {
				_, err = fmt.Fprintln(streams.Out, i.session.Workspace.Cluster.Kubeconfig())
				return err
			}
			path, err := i.session.Workspace.Cluster.MergeKubeconfig()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(streams.Out, "%s: context kind-%s\n", path, i.session.Workspace.Cluster.Name)
			return err
		},
	}
}
