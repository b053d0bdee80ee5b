package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
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

// exitScript shows what containerd has noted of a pod's container
// (internal/cri/store/container/status.go), whose id is its argument, as soon as
// that has ended, or as it is after half a second.
const exitScript = `
for try in 1 2 3 4 5 6 7 8 9 10; do
  status=$(cat "/var/lib/containerd/io.containerd.grpc.v1.cri/containers/$1/status") || exit
  case $status in *'"FinishedAt":0,'*) sleep 0.05 ;; *) break ;; esac
done
printf '%s' "$status"
`

// Exit is how a container of a pod has ended, by the id in the pod's status, or does
// within half a second. ok is false if it does not, and where it is not known.
func (n Node) Exit(ctx context.Context, id string) (code int, ok bool) {
	var text bytes.Buffer
	if err := n.Run(ctx, nil, &text, "sh", "-c", exitScript, "exit", strings.TrimPrefix(id, "containerd://")); err != nil {
		return 0, false
	}
	var status struct {
		Version    string
		FinishedAt int64 // in ns since 1970; 0 while it runs
		ExitCode   int
	}
	if err := json.Unmarshal(text.Bytes(), &status); err != nil || status.Version != "v1" {
		return 0, false
	}
	return status.ExitCode, status.FinishedAt > 0
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
	return c.NodesOf(Status{Nodes: nodeNames(containers)}), nil
}

// NodesOf are the nodes that [Cluster.Observe] saw.
func (c *Cluster) NodesOf(s Status) []Node {
	var nodes []Node
	for _, n := range s.Nodes {
		nodes = append(nodes, Node{n.Name, c.docker})
	}
	return nodes
}
