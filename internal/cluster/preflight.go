package cluster

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// Preflight finds what would keep Ensure from its work, before anything is made
// for it: a foreign cluster, or an absent one's ports that are taken, are an
// error; what may keep nodes from coming up is a warning.
func (c *Cluster) Preflight(ctx context.Context, reporter event.Reporter) error {
	if problem, fix := c.inotify().Shortfall(); problem != "" {
		reporter.Report(event.Warn(problem + ": " + fix))
	}
	if err := c.CheckOwnership(ctx); err != nil {
		return err
	}
	nodes, err := c.containers(ctx)
	if err != nil || len(nodes) > 0 {
		return err // what else is wrong with a cluster that exists, Ensure tells
	}
	return c.checkPorts(ctx)
}
