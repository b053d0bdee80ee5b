package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

const createInterrupted = "its creation has not ended"

// Observe looks at the containers and the API server. It changes nothing.
func (c *Cluster) Observe(ctx context.Context) (Status, error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return Status{}, fault.New(fault.Environment, err, "")
	}
	switch {
	case len(nodes) == 0:
		return Status{Phase: Absent, Reason: "no cluster " + c.Name}, nil
	case !c.owns(nodes):
		return Status{Phase: NotOwned, Reason: c.notOwnedReason(nodes)}, nil
	case c.isCreating():
		return Status{Phase: Incomplete, Reason: createInterrupted, Nodes: nodeNames(nodes)}, nil
	}
	for _, n := range nodes {
		if !n.State.Running {
			return Status{Phase: Stopped, Reason: "node " + n.Name + " is stopped", Nodes: nodeNames(nodes)}, nil
		}
	}
	return c.observeAPI(ctx, nodes), nil
}

// Guard refuses a cluster of this name that is not ours.
func (c *Cluster) CheckOwnership(ctx context.Context) error {
	nodes, err := c.containers(ctx)
	if err != nil {
		return fault.New(fault.Environment, err, "")
	}
	if len(nodes) > 0 && !c.owns(nodes) {
		return c.notOwnedError(c.notOwnedReason(nodes))
	}
	return nil
}

func (c *Cluster) notOwnedReason(nodes []container) string {
	return fmt.Sprintf("node %s was not created by tkdeploy for %s", nodes[0].Name, c.owner())
}

// observeAPI judges a cluster whose containers run.
func (c *Cluster) observeAPI(ctx context.Context, containers []container) Status {
	ctx, cancel := context.WithTimeout(ctx, c.limits.API)
	defer cancel()
	status := Status{Phase: NotReady, Nodes: nodeNames(containers)}
	client, err := c.Client()
	if err != nil {
		status.Reason = err.Error()
		return status
	}
	nodes, missing := checkReady(ctx, client, lastStart(containers))
	if cause := c.ownershipMismatch(nodes); cause != "" {
		return Status{Phase: NotOwned, Reason: cause}
	}
	marker, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, markerName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		status.Phase, status.Reason = Incomplete, createInterrupted
		return status
	case err != nil:
		status.Reason = fmt.Sprintf("its API server does not answer: %v", err)
		return status
	case marker.Data["spec"] != c.hash():
		status.Phase, status.Reason = Outdated, "its ports or its number of workers are not as configured"
		return status
	}
	if len(nodes) > 0 {
		status.Nodes = nodeStatuses(nodes)
	}
	if missing != "" {
		status.Reason = missing
		return status
	}
	status.Phase = Running
	status.Reason = fmt.Sprintf("cluster %s runs Kubernetes %s", c.Name, status.Nodes[0].Version)
	return status
}

func nodeStatuses(nodes []corev1.Node) []NodeStatus {
	var out []NodeStatus
	for _, n := range nodes {
		out = append(out, NodeStatus{Name: n.Name, Ready: isReady(n), Version: n.Status.NodeInfo.KubeletVersion})
	}
	return out
}
