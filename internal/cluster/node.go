package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Node is a cluster node.
type Node struct {
	name   string
	docker dockercli.Docker
}

// Name returns the name of the node and of its container.
func (n Node) Name() string { return n.name }

// Run runs a command in the node. The error contains the end of its standard error
// and, if the node is paused, how to resume it.
func (n Node) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	args := []string{"exec", "--privileged"}
	if stdin != nil {
		args = append(args, "--interactive")
	}
	args = append(append(args, n.name), command...)
	if err := n.docker.Run(ctx, stdin, stdout, args...); err != nil {
		err = fmt.Errorf("run %s in node %s: %w", command[0], n.name, err)
		if strings.Contains(err.Error(), "is paused, unpause") { // the engine's message
			return fault.New(fault.Cluster, err, "docker unpause "+n.name)
		}
		return err
	}
	return nil
}

// exitScript prints containerd's status of a container
// (internal/cri/store/container/status.go) when it terminates or after 0.5 s.
const exitScript = `
for try in 1 2 3 4 5 6 7 8 9 10; do
  status=$(cat "/var/lib/containerd/io.containerd.grpc.v1.cri/containers/$1/status") || exit
  case $status in *'"FinishedAt":0,'*) sleep 0.05 ;; *) break ;; esac
done
printf '%s' "$status"
`

// exitLimit bounds exitScript on a loaded machine.
const exitLimit = 5 * time.Second

// Exit returns the exit code of a container by its ID in the pod status. It waits
// up to 0.5 s for the container to terminate. ok is false if there is no exit code.
func (n Node) Exit(ctx context.Context, id string) (code int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, exitLimit)
	defer cancel()
	var text dockercli.Buffer
	if err := n.Run(ctx, nil, &text, "sh", "-c", exitScript, "exit", strings.TrimPrefix(id, "containerd://")); err != nil {
		return 0, false
	}
	var status struct {
		Version    string
		FinishedAt int64 // Unix nanoseconds; 0 while running
		ExitCode   int
	}
	if err := json.Unmarshal(text.Bytes(), &status); err != nil || status.Version != "v1" {
		return 0, false
	}
	return status.ExitCode, status.FinishedAt > 0
}

// Nodes returns the cluster's nodes. It fails if there is no cluster.
func (c *Cluster) Nodes(ctx context.Context) ([]Node, error) {
	containers, err := c.containers(ctx)
	if err != nil {
		return nil, err
	}
	if len(containers) == 0 {
		return nil, fmt.Errorf("cluster %s does not exist", c.Name)
	}
	return c.NodesOf(Status{Nodes: containerStatuses(containers)}), nil
}

// NodesOf returns the nodes in a status from [Cluster.Observe].
func (c *Cluster) NodesOf(s Status) []Node {
	var nodes []Node
	for _, n := range s.Nodes {
		nodes = append(nodes, Node{n.Name, c.docker})
	}
	return nodes
}
