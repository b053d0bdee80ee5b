package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"tkdeploy.dev/tkdeploy/internal/cluster/kindnet"
	"tkdeploy.dev/tkdeploy/internal/cluster/kindrun"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Ensure creates or starts the cluster and waits until it is ready. It replaces a
// cluster whose create was interrupted, so two runs must not call it at the same time.
// It fails if the cluster has another owner, or if its ports or worker count differ
// from the configuration. A create reports its milestones.
func (c *Cluster) Ensure(ctx context.Context, reporter event.Reporter) error {
	status, err := c.Observe(ctx)
	if err != nil {
		return err
	}
	switch status.Phase {
	case Running:
		return nil
	case NotOwned:
		return status.NotOwned
	case Outdated:
		return fault.New(fault.Cluster, fmt.Errorf("cluster %s: %s", c.Name, status.Reason),
			"recreate the cluster: its volumes are kept, the release and its history are not: "+c.recreateCommand())
	case Stopped, Paused, NotReady:
		return c.start(ctx, status, reporter)
	case Incomplete:
		reporter.Report(event.Warn("cluster " + c.Name + ": " + status.Reason + "; replacing it"))
		if err := c.remove(ctx, reporter); err != nil {
			return err
		}
	}
	return c.create(ctx, reporter)
}

func (c *Cluster) create(ctx context.Context, reporter event.Reporter) error {
	if err := c.checkPorts(ctx); err != nil {
		return err
	}
	config, err := c.kindConfig(ctx)
	if err != nil {
		return err
	}
	if c.Machine.IsRemote() {
		reporter.Report(event.Warn("the ports of cluster " + c.Name + " are open on all addresses of " + c.Machine.Host()))
	}
	start := c.now()
	if err := c.markCreating(); err != nil {
		return fmt.Errorf("create the state directory of cluster %s: %w", c.Name, err)
	}
	// kind merges into an existing file.
	if err := os.RemoveAll(c.Kubeconfig()); err != nil {
		return fmt.Errorf("remove the kubeconfig of an earlier cluster %s: %w", c.Name, err)
	}
	kindnet.Create(ctx, c.docker)
	if err := c.createNodes(ctx, config, reporter); err != nil {
		return err
	}
	err = c.finish(ctx, start, reporter)
	if err != nil && ctx.Err() != nil { // kind leaves its nodes running
		return errors.Join(err, c.discard(ctx))
	}
	return err
}

func (c *Cluster) finish(ctx context.Context, start time.Time, reporter event.Reporter) error {
	if err := c.rejectUnknownServices(ctx); err != nil {
		return err
	}
	if err := c.markReady(ctx); err != nil {
		return err
	}
	reporter.Report(event.Reached(APIReady))
	reporter.Report(event.Progress(c.Name, "waiting for nodes"))
	if err := c.awaitReady(ctx); err != nil {
		return err
	}
	reporter.Report(event.Finished(c.Name, event.Done, "cluster created", c.now().Sub(start), 1))
	return nil
}

func (c *Cluster) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return c.removeContainers(ctx)
}

// createLimit bounds kind's create. It takes 20 s, or minutes with several nodes on a
// loaded machine; kubeadm gives up after 4 minutes.
const createLimit = 15 * time.Minute

// createNodes runs kind. If ctx is canceled or kind hangs, it removes the nodes until
// kind fails, because kind's docker commands would outlive an end of kind itself.
func (c *Cluster) createNodes(ctx context.Context, config *v1alpha4.Cluster, reporter event.Reporter) error {
	nodes := newNodesReporter(ctx, c, reporter)
	defer nodes.stop()
	kind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- c.provider(nodes).Create(kind, kindrun.Create{Config: config, Kubeconfig: c.Kubeconfig()})
	}()
	select {
	case err := <-done:
		if ctx.Err() != nil { // the signal may have reached kind's commands first
			return errors.Join(ctx.Err(), c.discard(ctx))
		}
		if isTaken(err) {
			return errors.Join(c.notOwnedError(fmt.Sprintf("another program created it at the same time: %v", err), "run again when it has finished"), os.Remove(c.creatingFile()))
		}
		if err != nil {
			return c.createFailed(ctx, err)
		}
		return c.writeKubeconfig(ctx)
	case <-time.After(createLimit):
		err := fmt.Errorf("create cluster %s: kind has not finished after %s", c.Name, createLimit)
		return fault.New(fault.Cluster, errors.Join(err, c.abandon(done)), "check that the engine responds: docker run --rm "+c.Image+" true")
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.abandon(done))
	}
}

// isTaken reports whether kind found nodes of the cluster that it did not create
// (sigs.k8s.io/kind pkg/cluster/internal/create/create.go, alreadyExists), or the
// engine refused the name of a node. They may belong to somebody else.
func isTaken(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error() + commandOutput(err)
	return strings.Contains(text, "node(s) already exist for a cluster with the name") || strings.Contains(text, "is already in use by container")
}

func (c *Cluster) abandon(done <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := c.removeContainers(ctx)
		select {
		case <-done: //nolint:errcheck // kind fails because its nodes are gone
			return errors.Join(err, c.removeContainers(ctx))
		case <-ctx.Done():
			return fmt.Errorf("cluster %s: kind did not stop: %w", c.Name, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *Cluster) createFailed(ctx context.Context, failure error) error {
	logs := c.logsDir()
	hint := "see the node logs in " + logs
	err := errors.Join(os.RemoveAll(logs), c.collectLogs(ctx, logs))
	if entries, _ := os.ReadDir(logs); len(entries) > 0 {
		c.failedCreateLogs = logs
	} else {
		hint = "node logs are not available"
	}
	if err != nil { // kind collects the rest, for example if the image has no crictl
		hint += "; not collected: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	if problem, fix := c.inotify().Shortfall(); problem != "" {
		hint = "likely cause: " + problem + ": " + fix + "\n" + hint
	}
	err = fmt.Errorf("create cluster %s: %w%s", c.Name, failure, commandOutput(failure))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return fault.New(fault.Cluster, errors.Join(err, c.remove(ctx, event.Discard)), hint)
}

// logsLimit bounds the export of a failed create's logs.
const logsLimit = time.Minute

func (c *Cluster) collectLogs(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, logsLimit, fmt.Errorf("kind has not exported them after %s", logsLimit))
	defer cancel()
	return c.provider(event.Discard).CollectLogs(ctx, c.Name, dir)
}

// FailedCreateLogs returns the directory of a failed create's node logs, or "".
func (c *Cluster) FailedCreateLogs() string { return c.failedCreateLogs }
