package cluster

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A PortState tells whether a port of this machine can be had.
type PortState struct {
	Port   Port
	Err    error  // why it cannot be listened on; nil if it is free
	UsedBy string // who has it, as well as that can be told: "container web"
	Owned  bool   // the holder is this cluster
}

// PortStates looks at the ports that the cluster publishes, in their order. It
// works without an engine, but then names fewer holders.
func (c *Cluster) PortStates(ctx context.Context) []PortState {
	nodes, _ := c.containers(ctx) // without an engine nothing is ours
	owned := map[string]bool{}
	for _, n := range nodes {
		owned["container "+n.Name] = c.owns(nodes)
	}
	var states []PortState
	for _, port := range c.Ports {
		s := PortState{Port: port, Err: tryPort(ctx, port.Host)}
		if s.Err != nil {
			s.UsedBy = c.portUser(ctx, port.Host)
			s.Owned = owned[s.UsedBy]
		}
		states = append(states, s)
	}
	return states
}

// checkPorts fails when a host port is taken, naming the port and its holder.
// Docker would find out only after it has created the node's container.
func (c *Cluster) checkPorts(ctx context.Context) error {
	for _, port := range c.Ports {
		if err := tryPort(ctx, port.Host); err != nil {
			by := c.portUser(ctx, port.Host)
			if by != "" {
				by = " by " + by
			}
			return fault.New(fault.Environment, fmt.Errorf("port %d of this machine is taken%s: %w", port.Host, by, err), PortInUseHint)
		}
	}
	return nil
}

// FreePort is what to do about a port that is taken.
const PortInUseHint = "stop what listens there, or give the environment another host port under cluster.kind.ports"

// tryPort listens for an instant.
func tryPort(ctx context.Context, port int32) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	return l.Close()
}

// holder says who has the port, as well as that can be told: a container, or
// the process that ss names. It is empty when nobody can be named.
func (c *Cluster) portUser(ctx context.Context, port int32) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if name, err := c.dockerOutput(ctx, "ps", "--filter", fmt.Sprintf("publish=%d", port), "--format", "{{.Names}}"); err == nil && name != "" {
		return "container " + strings.Fields(name)[0]
	}
	said, err := exec.CommandContext(ctx, "ss", "-Hltnp", fmt.Sprintf("sport = :%d", port)).Output()
	if _, users, ok := strings.Cut(string(said), "users:(("); err == nil && ok {
		name, rest, _ := strings.Cut(users, ",")
		pid, _, _ := strings.Cut(rest, ",")
		return fmt.Sprintf("%s (%s)", strings.Trim(name, `"`), pid)
	}
	return ""
}

// Preflight finds what would keep Ensure from its work, before anything is made
// for it: a foreign cluster, or an absent one's ports that are taken, are an
// error; what may keep nodes from coming up is a warning.
func (c *Cluster) Preflight(ctx context.Context, reporter event.Reporter) error {
	if few := c.inotify().Shortfall(); few != "" {
		reporter.Report(event.Warn(few))
	}
	if err := c.CheckOwnership(ctx); err != nil {
		return err
	}
	nodes, err := c.containers(ctx)
	if err != nil || len(nodes) > 0 {
		return err // what else is wrong with a cluster that exists, Ensure tells
	}
	return c.checkPorts(ctx)
}
