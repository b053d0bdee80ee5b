package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// docker runs the docker command line. kind itself does everything through it,
// so both always speak to the same engine.
type docker interface {
	// Run executes docker with args. A failure's text has the last lines of
	// what the command said.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error
}

type dockerCLI struct{}

func (dockerCLI) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &said
	cmd.WaitDelay = 2 * time.Second // a child may hold the pipes open after the kill
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the docker command is not installed: kind needs it beside the engine")
	}
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, tail(said.String(), 5))
	}
	return nil
}

func (c *Cluster) dockerOutput(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	err := c.docker.Run(ctx, nil, &out, args...)
	return strings.TrimSpace(out.String()), err
}

// clusterLabel is the label by which kind finds its nodes
// (sigs.k8s.io/kind pkg/cluster/internal/providers/docker/constants.go).
const (
	clusterLabel = "io.x-k8s.kind.cluster"
	roleLabel    = "io.x-k8s.kind.role"
)

// container is what `docker inspect` says of a node.
type container struct {
	Name  string
	State struct {
		Running   bool
		StartedAt time.Time
	}
	Config struct {
		Labels map[string]string
		Image  string
	}
	Mounts []struct{ Source, Destination string }
}

func (c container) controlPlane() bool { return c.Config.Labels[roleLabel] == "control-plane" }

// containers lists the cluster's node containers, running or not, the control
// plane first.
func (c *Cluster) containers(ctx context.Context) ([]container, error) {
	ids, err := c.dockerOutput(ctx, "ps", "--all", "--quiet", "--filter", "label="+clusterLabel+"="+c.Name)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of cluster %s: %w", c.Name, err)
	}
	if ids == "" {
		return nil, nil
	}
	text, err := c.dockerOutput(ctx, append([]string{"inspect"}, strings.Fields(ids)...)...)
	if err != nil {
		return nil, fmt.Errorf("inspect the nodes of cluster %s: %w", c.Name, err)
	}
	var found []container
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("read what docker says of the nodes of cluster %s: %w", c.Name, err)
	}
	var nodes []container
	for _, first := range []bool{true, false} {
		for _, n := range found {
			n.Name = strings.TrimPrefix(n.Name, "/")
			if n.controlPlane() == first {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

// tail is the last n lines of text, on one line.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "; ")
}
