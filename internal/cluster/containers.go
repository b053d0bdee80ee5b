package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster/dockercli"
)

// Labels of kind's node containers (sigs.k8s.io/kind
// pkg/cluster/internal/providers/docker/constants.go).
const (
	clusterLabel = "io.x-k8s.kind.cluster"
	roleLabel    = "io.x-k8s.kind.role"
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

// containers returns the node containers, control plane first.
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
		return nil, fmt.Errorf("parse docker inspect output of cluster %s: %w", c.Name, err)
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

func (c *Cluster) dockerOutput(ctx context.Context, args ...string) (string, error) {
	return dockercli.Output(ctx, c.docker, args...)
}
