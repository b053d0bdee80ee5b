package cluster

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// nodesReporter forwards kind's events but delays [NodesRunning] until containerd
// responds. kind waits only for systemd or, with cgroup v1, the entrypoint
// (pkg/cluster/internal/providers/common/cgroups.go).
type nodesReporter struct {
	ctx      context.Context
	cancel   context.CancelFunc
	cluster  *Cluster
	wg       sync.WaitGroup
	reporter event.Reporter
}

func newNodesReporter(ctx context.Context, c *Cluster, reporter event.Reporter) *nodesReporter {
	ctx, cancel := context.WithCancel(ctx)
	return &nodesReporter{ctx: ctx, cancel: cancel, cluster: c, reporter: event.Synchronized(reporter)}
}

func (n *nodesReporter) Report(e event.Event) {
	if e.Milestone == NodesRunning {
		n.wg.Go(func() {
			if n.cluster.awaitContainerd(n.ctx) == nil { // kind reports node errors
				n.reporter.Report(e)
			}
		})
		return
	}
	n.reporter.Report(e)
}

func (n *nodesReporter) stop() {
	n.cancel()
	n.wg.Wait()
}

// awaitContainerd polls, because neither the socket nor systemd may be available
// yet.
func (c *Cluster) awaitContainerd(ctx context.Context) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		work.Go(func() error {
			return n.Run(ctx, nil, io.Discard, "timeout", "60", "sh", "-c", "until ctr version >/dev/null 2>&1; do sleep 0.05; done")
		})
	}
	return work.Wait()
}
