package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Delete removes the cluster, its kubeconfig and, where no other kind cluster
// uses it, kind's network. The volumes' data and the Secrets that go with them
// are kept for the next cluster of this name, unless volumes says otherwise.
// Deleting what is not there succeeds. A foreign cluster is refused.
func (c *Cluster) Delete(ctx context.Context, volumes bool, reporter event.Reporter) error {
	if err := c.CheckOwnership(ctx); err != nil {
		return err
	}
	var err error
	if volumes {
		err = c.deleteVolumes(ctx, reporter)
	}
	if err = errors.Join(err, c.remove(ctx, reporter)); err != nil {
		return fault.New(fault.Down, err, "run tkdeploy down again: it goes on where it stopped")
	}
	return c.removeFiles(volumes)
}

// remove deletes the node containers and the network.
func (c *Cluster) remove(ctx context.Context, reporter event.Reporter) error {
	nodes, err := c.containers(ctx)
	if err != nil {
		return err
	}
	if len(nodes) > 0 {
		start := c.now()
		reporter.Report(event.Progress(c.Name, "removing its nodes"))
		if err := c.removeContainers(ctx); err != nil {
			return fmt.Errorf("remove the nodes of cluster %s: %w", c.Name, err)
		}
		reporter.Report(event.Finished(c.Name, event.Done, "cluster deleted", c.now().Sub(start), 1))
	}
	return c.removeNetwork(ctx)
}

func (c *Cluster) removeContainers(ctx context.Context) error {
	nodes, err := c.containers(ctx)
	if err != nil || len(nodes) == 0 {
		return err
	}
	args := []string{"rm", "--force", "--volumes"}
	for _, n := range nodes {
		args = append(args, n.Name)
	}
	_, err = c.dockerOutput(ctx, args...)
	return err
}

// networkName is the network that kind creates and all its clusters share.
const networkName = "kind"

// removeNetwork removes kind's network when no cluster is left, not even a
// stopped one, which could not be started again without it.
func (c *Cluster) removeNetwork(ctx context.Context) error {
	left, err := c.dockerOutput(ctx, "ps", "--all", "--quiet", "--filter", "label="+clusterLabel)
	if err != nil || left != "" {
		return err
	}
	found, err := c.dockerOutput(ctx, "network", "ls", "--quiet", "--filter", "name=^"+networkName+"$")
	if err != nil || found == "" {
		return err
	}
	_, err = c.dockerOutput(ctx, "network", "rm", networkName)
	return err
}

// deleteVolumes empties the volumes' folder. The files belong to the users of
// the databases, so an ordinary user cannot delete them; a container can.
func (c *Cluster) deleteVolumes(ctx context.Context, reporter event.Reporter) error {
	if _, err := os.Stat(c.volumesDir()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	reporter.Report(event.Progress(c.Name, "deleting its volumes"))
	nodes, err := c.containers(ctx)
	if err != nil {
		return err
	}
	if len(nodes) > 0 { // nothing may write there any more
		if err := c.removeContainers(ctx); err != nil {
			return err
		}
	}
	if os.RemoveAll(c.volumesDir()) == nil {
		return nil
	}
	_, err = c.dockerOutput(ctx, "run", "--rm", "--network", "none", "--entrypoint", "find",
		"--volume", c.volumesDir()+":/volumes", c.Image, "/volumes", "-mindepth", "1", "-delete")
	if err != nil {
		return fmt.Errorf("delete the volumes in %s: %w", c.volumesDir(), err)
	}
	return os.RemoveAll(c.volumesDir())
}

// tidy removes the files of a cluster that is gone.
func (c *Cluster) removeFiles(volumes bool) error {
	if volumes {
		return os.RemoveAll(c.StateDir)
	}
	return errors.Join(os.RemoveAll(c.Kubeconfig()), os.RemoveAll(c.logsDir()), os.RemoveAll(c.creatingFile()))
}

// HasVolumes tells whether data of the cluster's volumes is kept.
func (c *Cluster) HasVolumes() bool {
	_, err := os.Stat(c.volumesDir())
	return err == nil
}
