package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
	"tkdeploy.dev/tkdeploy/internal/cluster/drain"
	"tkdeploy.dev/tkdeploy/internal/cluster/ready"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

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
	reporter.Report(event.Progress(c.Name, "waiting for nodes"))
	if err := c.awaitReady(ctx); err != nil {
		return err
	}
	message, mutations := "cluster is ready", 0
	if started > 0 {
		message, mutations = "cluster started, with its data", 1
	}
	reporter.Report(event.Finished(c.Name, event.Done, message+" ("+seen.Reason+")", c.now().Sub(begin), mutations))
	return nil
}

// startContainers starts stopped nodes and resumes paused ones. It returns their
// number.
func (c *Cluster) startContainers(ctx context.Context, reporter event.Reporter) (int, error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return 0, err
	}
	started := 0
	for _, n := range nodes {
		command, hint := "start", "docker logs "+n.Name
		switch {
		case n.State.Paused:
			command, hint = "unpause", "docker unpause "+n.Name
		case n.State.Running:
			continue
		}
		reporter.Report(event.Progress(c.Name, command+" node "+n.Name))
		if _, err := c.dockerOutput(ctx, command, n.Name); err != nil {
			return started, fault.New(fault.Cluster, fmt.Errorf("%s node %s: %w", command, n.Name, err), hint)
		}
		started++
	}
	return started, nil
}

// refreshKubeconfig retries, because a control plane that has just started does not
// provide the kubeconfig yet.
func (c *Cluster) refreshKubeconfig(ctx context.Context) error {
	var lastErr error
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		lastErr = c.writeKubeconfig(ctx)
		return lastErr == nil, nil
	})
	if err != nil {
		return fault.New(fault.Cluster, errors.Join(lastErr, ctx.Err()), "")
	}
	return nil
}

// awaitReady also undoes what an interrupted [Cluster.PrepareDelete] has left.
func (c *Cluster) awaitReady(ctx context.Context) error {
	containers, err := c.containers(ctx)
	if err != nil {
		return err
	}
	client, err := c.Client()
	if err != nil {
		return err
	}
	reason := "API server is not responding"
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, c.limits.Ready, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, c.limits.API)
		defer cancel()
		var nodes []corev1.Node
		nodes, reason = ready.Check(ctx, client, startTimes(containers))
		if slices.ContainsFunc(nodes, drain.IsDrained) {
			if err := drain.Undo(ctx, client); err != nil {
				reason = err.Error() // try again
			}
			return false, nil
		}
		return reason == "", nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fault.New(fault.Cluster, fmt.Errorf("cluster %s is not ready after %s: %s", c.Name, c.limits.Ready, reason),
			fmt.Sprintf("inspect it: kubectl --kubeconfig %s get nodes,pods -A; or recreate it: %s", c.Kubeconfig(), c.recreateCommand()))
	}
	return nil
}

// startTimes returns when each node container was started.
func startTimes(containers []container) map[string]time.Time {
	started := map[string]time.Time{}
	for _, c := range containers {
		started[c.Name] = c.State.StartedAt
	}
	return started
}

// serviceSubnet is kind's default, which kindConfig keeps (sigs.k8s.io/kind
// pkg/internal/apis/config/default.go).
const serviceSubnet = "10.96.0.0/16"

// rejectUnknownServices makes nodes reject connections to Service addresses that
// kube-proxy does not know yet. Otherwise an outside host, such as a corporate
// proxy, may accept and hold them. Known addresses are translated before the rule
// applies.
func (c *Cluster) rejectUnknownServices(ctx context.Context) error {
	const rule = "FORWARD --destination " + serviceSubnet + " --jump REJECT --reject-with icmp-port-unreachable"
	ctx, cancel := context.WithTimeout(ctx, dockercli.Limit)
	defer cancel()
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		script := "iptables --wait --check " + rule + " 2>/dev/null || iptables --wait --append " + rule
		if err := n.Run(ctx, nil, nil, "sh", "-c", script); err != nil {
			return fmt.Errorf("reject unknown Service addresses: %w", err)
		}
	}
	return nil
}
