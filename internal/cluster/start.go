package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// start brings a cluster back whose engine or machine was stopped, or waits for
// one that is on its way.
func (c *Cluster) start(ctx context.Context, seen Status, reporter event.Reporter) error {
	begin := c.now()
	started, err := c.startContainers(ctx, reporter)
	if err != nil {
		return err
	}
	if err := c.rejectUnknownServices(ctx); err != nil {
		return err
	}
	if err := c.refreshKubeconfig(ctx); err != nil {
		return err
	}
	reporter.Report(event.Progress(c.Name, "waiting for its nodes"))
	since, err := c.runningSince(ctx)
	if err != nil {
		return err
	}
	if err := c.awaitReady(ctx, since); err != nil {
		return err
	}
	message, mutations := "cluster is ready", 0
	if started > 0 {
		message, mutations = "cluster started, with its data", 1
	}
	reporter.Report(event.Finished(c.Name, event.Done, message+" ("+seen.Reason+")", c.now().Sub(begin), mutations))
	return nil
}

// startContainers starts the stopped nodes, the control plane first.
func (c *Cluster) startContainers(ctx context.Context, reporter event.Reporter) (int, error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return 0, err
	}
	started := 0
	for _, n := range nodes {
		if n.State.Running {
			continue
		}
		reporter.Report(event.Progress(c.Name, "starting node "+n.Name))
		if _, err := c.dockerOutput(ctx, "start", n.Name); err != nil {
			return started, fault.New(fault.Cluster, fmt.Errorf("start node %s: %w", n.Name, err), "docker logs "+n.Name)
		}
		started++
	}
	return started, nil
}

// refreshKubeconfig writes the kubeconfig anew. The control plane has it a
// moment after its container has started.
func (c *Cluster) refreshKubeconfig(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		last = c.writeKubeconfig()
		return last == nil, nil
	})
	if err != nil {
		return fault.New(fault.Cluster, errors.Join(last, ctx.Err()), "")
	}
	return nil
}

// runningSince is when the youngest node container was started.
func (c *Cluster) runningSince(ctx context.Context) (time.Time, error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return time.Time{}, err
	}
	return lastStart(nodes), nil
}

// serviceSubnet is kind's default, which kindConfig keeps
// (sigs.k8s.io/kind pkg/internal/apis/config/default.go).
const serviceSubnet = "10.96.0.0/16"

// refuseUnknownServices makes the nodes refuse connections from pods to Service
// addresses that kube-proxy does not know yet. Without it they leave the node
// for the host's network, where something may well answer, such as a company's
// proxy: a client that connects in that instant then speaks to a stranger for
// as long as the connection lives. What kube-proxy knows is translated before
// it is forwarded and never meets the rule.
func (c *Cluster) rejectUnknownServices(ctx context.Context) error {
	const rule = "FORWARD --destination " + serviceSubnet + " --jump REJECT --reject-with icmp-port-unreachable"
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		script := "iptables --wait --check " + rule + " 2>/dev/null || iptables --wait --append " + rule
		if err := n.Run(ctx, nil, nil, "sh", "-c", script); err != nil {
			return fmt.Errorf("refuse unknown Service addresses: %w", err)
		}
	}
	return nil
}
