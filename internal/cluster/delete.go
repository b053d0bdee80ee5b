package cluster

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindnet"
	"tkdeploy.dev/tkdeploy/internal/cluster/remote"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Delete removes the cluster, its kubeconfig and, with the last cluster, the Docker
// network that tkdeploy created. Volumes and backups of Secrets remain for the next
// cluster unless volumes is set. It succeeds if there is no cluster.
func (c *Cluster) Delete(ctx context.Context, volumes bool, reporter event.Reporter) error {
	if err := c.CheckOwnership(ctx); err != nil {
		return err
	}
	var err error
	if _, statErr := os.Stat(c.StateDir); statErr == nil {
		// Its data outlives the proof of its owner. An interrupted removal leaves an
		// incomplete cluster, too.
		err = c.markCreating()
	}
	if volumes {
		err = errors.Join(err, c.deleteVolumes(ctx, reporter), c.deleteRemoteVolumes(ctx, reporter))
	}
	c.unmergeKubeconfig(reporter)
	if err = errors.Join(err, c.remove(ctx, reporter)); err != nil {
		return fault.New(fault.Down, err, `run "tkdeploy down" again to continue`)
	}
	return c.removeFiles(volumes)
}

func (c *Cluster) remove(ctx context.Context, reporter event.Reporter) error {
	nodes, err := c.containers(ctx)
	if err != nil {
		return err
	}
	if len(c.owned(nodes)) > 0 {
		start := c.now()
		reporter.Report(event.Progress(c.Name, "removing nodes"))
		if err := c.removeContainers(ctx); err != nil {
			return fmt.Errorf("remove the nodes of cluster %s: %w", c.Name, err)
		}
		reporter.Report(event.Finished(c.Name, event.Done, "cluster deleted", c.now().Sub(start), 1))
	}
	return kindnet.RemoveUnused(ctx, c.docker, func(text string) { reporter.Report(event.Warn(text)) })
}

// removeContainers never removes the nodes of another owner: somebody else may create
// a cluster of this name at any time.
func (c *Cluster) removeContainers(ctx context.Context) error {
	nodes, err := c.containers(ctx)
	if err != nil {
		return err
	}
	nodes = c.owned(nodes)
	if len(nodes) == 0 {
		return nil
	}
	args := []string{"rm", "--force", "--volumes"}
	for _, n := range nodes {
		args = append(args, n.Name)
	}
	_, err = c.dockerOutput(ctx, args...)
	return err
}

// deleteVolumes uses a container if files belong to another user, as those of
// databases do.
func (c *Cluster) deleteVolumes(ctx context.Context, reporter event.Reporter) error {
	if _, err := os.Stat(c.volumesDir()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	reporter.Report(event.Progress(c.Name, "deleting volumes"))
	images, err := c.stopWriters(ctx)
	if err != nil {
		return err
	}
	if os.RemoveAll(c.volumesDir()) == nil {
		return nil
	}
	if err := c.runFind(ctx, images, c.volumesDir(), "-mindepth", "1", "-delete"); err != nil {
		return fmt.Errorf("delete the volumes in %s: %w", c.volumesDir(), err)
	}
	return os.RemoveAll(c.volumesDir())
}

func (c *Cluster) deleteRemoteVolumes(ctx context.Context, reporter event.Reporter) error {
	data, err := remote.ReadData(c.StateDir)
	if err != nil || data == "" {
		return err
	}
	reporter.Report(event.Progress(c.Name, "deleting volumes"))
	images, err := c.stopWriters(ctx)
	if err != nil {
		return err
	}
	err = c.runFind(ctx, images, path.Dir(data), "-depth", "-path", "/volumes/"+path.Base(data)+"*", "-delete")
	if err != nil && !isMissing(err) { // no node was created
		return fmt.Errorf("delete the volumes in %s on %s: %w", data, c.Machine, err)
	}
	return nil
}

// stopWriters removes the nodes. It returns images that are likely to have find.
func (c *Cluster) stopWriters(ctx context.Context) (images []string, err error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return nil, err
	}
	images = []string{c.Image}
	if nodes := c.owned(nodes); len(nodes) > 0 {
		images = append(images, nodes[0].Image)
		err = c.removeContainers(ctx)
	}
	return images, err
}

// runFind runs find in dir of the engine's machine. It uses any local image with find,
// preferably one of images. There may be no registry, and the node image may have been
// pruned.
func (c *Cluster) runFind(ctx context.Context, images []string, dir string, args ...string) error {
	local, err := c.dockerOutput(ctx, "images", "--quiet", "--no-trunc")
	if err != nil {
		return err
	}
	var mount strings.Builder
	fields := csv.NewWriter(&mount) // the syntax of --mount
	if err := fields.Write([]string{"type=bind", "source=" + dir, "target=/volumes"}); err != nil {
		return err
	}
	fields.Flush()
	for _, image := range append(images, strings.Fields(local)...) {
		run := []string{"run", "--rm", "--pull", "never", "--network", "none", "--user", "0", "--entrypoint", "find", "--mount", strings.TrimSpace(mount.String()), image, "/volumes"}
		_, err = c.dockerOutput(ctx, append(run, args...)...)
		if err == nil || ctx.Err() != nil || isMissing(err) {
			return err
		}
	}
	return fmt.Errorf("no local image has the command find: %w", err)
}

// isMissing recognizes the engine's error for the source of a mount.
func isMissing(err error) bool {
	return err != nil && strings.Contains(err.Error(), "bind source path does not exist")
}

func (c *Cluster) removeFiles(volumes bool) error {
	if volumes {
		return os.RemoveAll(c.StateDir)
	}
	return errors.Join(os.RemoveAll(c.Kubeconfig()), os.RemoveAll(c.mergedFile()), os.RemoveAll(c.logsDir()), os.RemoveAll(c.creatingFile()))
}

// HasVolumes reports whether the cluster has volume data. On a remote engine, the
// record of it counts.
func (c *Cluster) HasVolumes() bool {
	file := c.volumesDir()
	if c.Machine.IsRemote() {
		file = remote.DataFile(c.StateDir)
	}
	_, err := os.Stat(file)
	return err == nil
}
