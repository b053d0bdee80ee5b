package cluster

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// nodesUp reports what kind reports, and the milestone [NodesRunning] not before it
// is true: kind calls nodes prepared when systemd has reached its last target
// or, with cgroup v1, as soon as the node's entrypoint has seen that
// (pkg/cluster/internal/providers/common/cgroups.go), before containerd is there.
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

// Report is called by kind, until its create has returned.
func (n *nodesReporter) Report(e event.Event) {
	if e.Milestone == NodesRunning {
		n.wg.Go(func() {
			if n.cluster.awaitContainerd(n.ctx) == nil { // kind tells what is wrong with a node
				n.reporter.Report(e)
			}
		})
		return
	}
	n.reporter.Report(e)
}

// stop ends the waiting.
func (n *nodesReporter) stop() {
	n.cancel()
	n.wg.Wait()
}

// awaitContainerd waits until every node's containerd answers. There is nothing
// to watch: its socket comes with it, and systemd may not answer either yet.
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
