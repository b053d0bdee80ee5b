package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// Labels of kind's node containers (sigs.k8s.io/kind
// pkg/cluster/internal/providers/docker/constants.go).
const (
	clusterLabel = "io.x-k8s.kind.cluster"
	roleLabel    = "io.x-k8s.kind.role"
)

const (
	inspectInterval = 100 * time.Millisecond
	inspectTimeout  = 10 * time.Second
)

type container struct {
	Name  string
	Image string // ID
	State struct {
		Running   bool // also if it is paused
		Paused    bool
		StartedAt time.Time
	}
	Config struct {
		Labels map[string]string
		Image  string
	}
	Mounts []struct{ Source, Destination string }
}

func (n container) controlPlane() bool { return n.Config.Labels[roleLabel] == "control-plane" }

// containers returns the node containers, control plane first. The engine lists a
// container that it is creating or removing, but cannot inspect it. This ends soon, also
// if the client was killed.
func (c *Cluster) containers(ctx context.Context) ([]container, error) {
	var found []container
	var err error
	for begin := time.Now(); ; sleep.For(ctx, inspectInterval) {
		found, err = c.inspectContainers(ctx)
		if err == nil || !strings.Contains(err.Error(), "No such object") || time.Since(begin) > inspectTimeout || ctx.Err() != nil {
			break
		}
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
	return nodes, err
}

func (c *Cluster) inspectContainers(ctx context.Context) ([]container, error) {
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
		return nil, fmt.Errorf("parse docker inspect output of cluster %s: %w", c.Name, err)
	}
	return found, nil
}

func (c *Cluster) dockerOutput(ctx context.Context, args ...string) (string, error) {
	return dockercli.Output(ctx, c.docker, args...)
}
