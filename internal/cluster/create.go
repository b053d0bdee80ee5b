package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// The milestones of a cluster's creation, in their order.
const (
	NodesRunning = "nodes" // the nodes run, and their containerd answers
	APIReady     = "api"   // the API server answers, and the storage class is as wanted; a node may not be Ready yet
)

// Ensure makes the cluster run: it creates an absent one, starts a stopped one
// with its data, waits for an unready one and replaces one whose creation did
// not end. A foreign one is refused, and so is one whose ports or workers are
// not as configured, because nothing but a new cluster could change them. While
// it creates one, it reports the milestones.
func (c *Cluster) Ensure(ctx context.Context, reporter event.Reporter) error {
	status, err := c.Observe(ctx)
	if err != nil {
		return err
	}
	switch status.Phase {
	case Running:
		return nil
	case NotOwned:
		return c.refuse(status.Reason)
	case Outdated:
		return fault.New(fault.Cluster, fmt.Errorf("cluster %s: %s", c.Name, status.Reason),
			"take it down and up again; the volumes are kept: tkdeploy down --env "+c.Env)
	case Stopped, NotReady:
		return c.start(ctx, status, reporter)
	case Incomplete:
		reporter.Report(event.Warn("cluster " + c.Name + ": an earlier create did not end; it is replaced"))
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
	start := c.now()
	if err := c.begin(); err != nil {
		return fmt.Errorf("create the state folder of cluster %s: %w", c.Name, err)
	}
	if err := c.createNodes(ctx, config, reporter); err != nil {
		return err
	}
	err = c.finish(ctx, start, reporter)
	if err != nil && ctx.Err() != nil { // kind is done: its nodes would go on
		return errors.Join(err, c.discard(ctx))
	}
	return err
}

// finish turns new nodes into a cluster that is whole.
func (c *Cluster) finish(ctx context.Context, start time.Time, reporter event.Reporter) error {
	if err := c.refuseUnknownServices(ctx); err != nil {
		return err
	}
	if err := c.complete(ctx); err != nil {
		return err
	}
	reporter.Report(event.Reached(APIReady))
	reporter.Report(event.Progress(c.Name, "waiting for the node"))
	if err := c.awaitReady(ctx, start); err != nil {
		return err
	}
	reporter.Report(event.Finished(c.Name, event.Done, "cluster created", c.now().Sub(start), 1))
	return nil
}

// discard removes the nodes of a create that was canceled, within a short time
// of its own.
func (c *Cluster) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return c.removeContainers(ctx)
}

// createNodes runs kind, which takes no context. When ctx ends, the node
// containers are removed under kind's hands, so that it fails and returns; this
// function returns only then, and nothing goes on in the background.
func (c *Cluster) createNodes(ctx context.Context, config *v1alpha4.Cluster, reporter event.Reporter) error {
	nodes := newNodesUp(ctx, c, reporter)
	defer nodes.stop()
	done := make(chan error, 1)
	go func() {
		done <- c.provider(nodes).Create(c.Name,
			kind.CreateWithV1Alpha4Config(config),
			kind.CreateWithNodeImage(c.Image),
			kind.CreateWithRetain(true), // for the logs; removed below
			kind.CreateWithKubeconfigPath(c.Kubeconfig()),
		)
	}()
	select {
	case err := <-done:
		if ctx.Err() != nil { // a terminal sends its signal to kind's commands, too
			return errors.Join(ctx.Err(), c.discard(ctx))
		}
		if err != nil {
			return c.createFailed(ctx, err)
		}
		return c.writeKubeconfig()
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.abandon(done))
	}
}

// abandon removes the nodes until kind has given up.
func (c *Cluster) abandon(done <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := c.removeContainers(ctx)
		select {
		case <-done: //nolint:errcheck // kind misses the nodes that were removed under it
			return errors.Join(err, c.removeContainers(ctx))
		case <-ctx.Done():
			return fmt.Errorf("cluster %s: kind did not stop: %w", c.Name, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// createFailed keeps the node's logs, removes the nodes and names a known cause.
func (c *Cluster) createFailed(ctx context.Context, failure error) error {
	logs := c.logs()
	hint := "the logs of the nodes are in " + logs
	if err := errors.Join(os.RemoveAll(logs), c.provider(event.Discard).CollectLogs(c.Name, logs)); err != nil {
		hint = fmt.Sprintf("the logs of the nodes could not be kept: %v", err)
	} else {
		c.kept = logs
	}
	if problem, fix := c.inotify().Shortfall(); problem != "" {
		hint = "a probable cause: " + problem + ": " + fix + "\n" + hint
	}
	err := fmt.Errorf("create cluster %s: %w%s", c.Name, failure, commandOutput(failure))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second) // a signal may have come meanwhile
	defer cancel()
	return fault.New(fault.Cluster, errors.Join(err, c.remove(ctx, event.Discard)), hint)
}

// KeptLogs is the folder with the logs of the nodes of a create that failed, or
// "" if none did.
func (c *Cluster) FailedCreateLogs() string { return c.kept }
