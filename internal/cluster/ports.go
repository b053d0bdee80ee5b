package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster/listener"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// PortState is the availability of a host port.
type PortState struct {
	Port   Port
	Err    error  // of listening on it; nil if free
	UsedBy string // such as "container web"; "" if unknown
	Owned  bool   // used by this cluster
}

// PortStates checks [Spec.Ports]. Without an engine, it cannot identify containers.
func (c *Cluster) PortStates(ctx context.Context) []PortState {
	nodes, _ := c.containers(ctx) // without an engine, no port is owned
	owned := map[string]bool{}
	for _, n := range nodes {
		owned["container "+n.Name] = c.checkNode(n) == nil
	}
	var states []PortState
	for _, port := range c.Ports {
		s := c.portState(ctx, port)
		s.Owned = owned[s.UsedBy]
		states = append(states, s)
	}
	return states
}

// checkPorts fails early: Docker fails only after creating the container.
func (c *Cluster) checkPorts(ctx context.Context) error {
	for _, port := range c.Ports {
		s := c.portState(ctx, port)
		if s.Err == nil {
			continue
		}
		user := ""
		if s.UsedBy != "" {
			user = " by " + s.UsedBy
		}
		return fault.New(fault.Environment, fmt.Errorf("host port %d is in use%s: %w", port.Host, user, s.Err), PortInUseHint)
	}
	return nil
}

// portLimit bounds the search for the user of a port.
const portLimit = 2 * time.Second

// PortInUseHint is the hint for a host port that is in use.
const PortInUseHint = "stop the process that uses it, or set another host port in cluster.kind.ports"

// portState checks only containers on a remote engine.
func (c *Cluster) portState(ctx context.Context, port Port) PortState {
	s := PortState{Port: port}
	if c.Machine.IsRemote() {
		if s.UsedBy = c.containerWithPort(ctx, port.Host); s.UsedBy != "" {
			s.Err = fmt.Errorf("on %s", c.Machine)
		}
		return s
	}
	if s.Err = tryPort(ctx, port.Host); s.Err != nil {
		s.UsedBy = cmp.Or(c.containerWithPort(ctx, port.Host), listener.Process(ctx, port.Host))
	}
	return s
}

func tryPort(ctx context.Context, port int32) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return inUse(err)
	}
	return l.Close()
}

// inUse drops a missing permission to listen: the engine may have it.
func inUse(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func (c *Cluster) containerWithPort(ctx context.Context, port int32) string {
	ctx, cancel := context.WithTimeout(ctx, portLimit)
	defer cancel()
	if name, err := c.dockerOutput(ctx, "ps", "--filter", fmt.Sprintf("publish=%d", port), "--format", "{{.Names}}"); err == nil && name != "" {
		return "container " + strings.Fields(name)[0]
	}
	return ""
}

// Preflight fails if the cluster has another owner, or is absent and a host port is
// in use. It warns about low inotify limits.
func (c *Cluster) Preflight(ctx context.Context, reporter event.Reporter) error {
	if problem, fix := c.inotify().Shortfall(); problem != "" {
		reporter.Report(event.Warn(problem + ": " + fix))
	}
	if err := c.CheckOwnership(ctx); err != nil {
		return err
	}
	nodes, err := c.containers(ctx)
	if err != nil || len(nodes) > 0 {
		return err // Ensure checks existing clusters
	}
	return c.checkPorts(ctx)
}
