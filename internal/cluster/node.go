package cluster

import (
	"context"
	"fmt"
	"io"
)

// A Node is a running node of the cluster.
type Node struct {
	name   string
	docker docker
}

// Name is the node's name in Kubernetes and its container's.
func (n Node) Name() string { return n.name }

// Run executes a command in the node. A failure's text has what the command
// said on its standard error.
func (n Node) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	args := []string{"exec", "--privileged"}
	if stdin != nil {
		args = append(args, "--interactive")
	}
	args = append(append(args, n.name), command...)
	if err := n.docker.Run(ctx, stdin, stdout, args...); err != nil {
		return fmt.Errorf("run %s in node %s: %w", command[0], n.name, err)
	}
	return nil
}

// Nodes lists the cluster's nodes.
func (c *Cluster) Nodes(ctx context.Context) ([]Node, error) {
	containers, err := c.containers(ctx)
	if err != nil {
		return nil, err
	}
	if len(containers) == 0 {
		return nil, fmt.Errorf("there is no cluster %s", c.Name)
	}
	return c.NodesOf(Status{Nodes: names(containers)}), nil
}

// NodesOf are the nodes that [Cluster.Observe] saw.
func (c *Cluster) NodesOf(s Status) []Node {
	var nodes []Node
	for _, n := range s.Nodes {
		nodes = append(nodes, Node{n.Name, c.docker})
	}
	return nodes
}
