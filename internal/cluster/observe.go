package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/cluster/ready"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const createInterrupted = "an earlier create or delete was interrupted"

// Observe reads the cluster's status from its containers and API server. Errors
// have class [fault.Environment].
func (c *Cluster) Observe(ctx context.Context) (Status, error) {
	status, nodes, err := c.observeContainers(ctx)
	if err != nil || status.Phase != Running {
		return status, err
	}
	return c.observeAPI(ctx, nodes), nil
}

// ObserveContainers is [Cluster.Observe] without the API server: in phase [Running], all
// nodes are started. It takes one call to the engine.
func (c *Cluster) ObserveContainers(ctx context.Context) (Status, error) {
	status, _, err := c.observeContainers(ctx)
	return status, err
}

func (c *Cluster) observeContainers(ctx context.Context) (Status, []container, error) {
	nodes, err := c.containers(ctx)
	if err != nil {
		return Status{}, nil, fault.New(fault.Environment, err, "")
	}
	if err := c.checkOwner(nodes); fault.ClassOf(err) == fault.NotOwned {
		return Status{Phase: NotOwned, Reason: strings.TrimPrefix(err.Error(), "cluster "+c.Name+": "), NotOwned: err}, nodes, nil
	} else if err != nil {
		return Status{}, nil, err
	}
	phase, reason := c.containerPhase(nodes)
	return Status{Phase: phase, Reason: reason, Nodes: containerStatuses(nodes)}, nodes, nil
}

func (c *Cluster) containerPhase(nodes []container) (phase Phase, reason string) {
	switch {
	case len(nodes) == 0:
		return Absent, "cluster " + c.Name + " does not exist"
	case !nodes[0].controlPlane():
		return Incomplete, "its control plane has been removed"
	case c.isCreating():
		return Incomplete, createInterrupted
	}
	for _, n := range nodes {
		switch {
		case !n.State.Running:
			return Stopped, "node " + n.Name + " is stopped"
		case n.State.Paused:
			return Paused, "node " + n.Name + " is paused"
		}
	}
	return Running, ""
}

func (c *Cluster) observeAPI(ctx context.Context, containers []container) Status {
	ctx, cancel := context.WithTimeout(ctx, c.limits.API)
	defer cancel()
	status := Status{Phase: NotReady, Nodes: containerStatuses(containers)}
	client, err := c.Client()
	if err != nil {
		status.Reason = err.Error()
		return status
	}
	nodes, reason := ready.Check(ctx, client, startTimes(containers))
	if mismatch := c.ownershipMismatch(nodes); mismatch != "" {
		return Status{Phase: NotOwned, Reason: mismatch, NotOwned: c.notOwnedError(mismatch, "")}
	}
	marker, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, markerName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		status.Phase, status.Reason = Incomplete, createInterrupted
		return status
	case err != nil:
		status.Reason = fmt.Sprintf("API server is not responding: %v", err)
		return status
	}
	status.Responding = true
	switch {
	case !c.matches(marker.Data["spec"]):
		status.Phase, status.Reason = Outdated, "ports or worker count differ from the configuration"
		return status
	case len(containers) <= c.Workers:
		status.Phase, status.Reason = Outdated, fmt.Sprintf("%d of %d node containers exist", len(containers), c.Workers+1)
		return status
	}
	if len(nodes) > 0 {
		status.Nodes = nodeStatuses(nodes)
	}
	if reason != "" {
		status.Reason = reason
		return status
	}
	status.Phase = Running
	status.Reason = fmt.Sprintf("cluster %s runs Kubernetes %s", c.Name, status.Nodes[0].Version)
	if image := containers[0].Config.Image; image != "" && image != c.Image {
		status.Reason += fmt.Sprintf(" with node image %s; to use %s, recreate it: %s", image, c.Image, c.recreateCommand())
	}
	return status
}

func nodeStatuses(nodes []corev1.Node) []NodeStatus {
	var out []NodeStatus
	for _, n := range nodes {
		out = append(out, NodeStatus{Name: n.Name, Ready: ready.IsReady(n), Version: n.Status.NodeInfo.KubeletVersion})
	}
	return out
}
