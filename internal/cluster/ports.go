package cluster

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// checkPorts fails when a host port is taken, naming the port and its holder.
// Docker would find out only after it has created the node's container.
func (c *Cluster) checkPorts(ctx context.Context) error {
	for _, port := range c.Ports {
		var listen net.ListenConfig
		l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port.Host))
		if err != nil {
			return fault.New(fault.Environment,
				fmt.Errorf("port %d of this machine is taken%s: %w", port.Host, c.holder(ctx, port.Host), err),
				"stop what listens there, or give the environment another host port under cluster.kind.ports")
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("release port %d: %w", port.Host, err)
		}
	}
	return nil
}

// holder says who has the port, as well as that can be told: a container, or
// the process that ss names. It is empty when nobody can be named.
func (c *Cluster) holder(ctx context.Context, port int32) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if name, err := c.dockerOutput(ctx, "ps", "--filter", fmt.Sprintf("publish=%d", port), "--format", "{{.Names}}"); err == nil && name != "" {
		return " by container " + strings.Fields(name)[0]
	}
	said, err := exec.CommandContext(ctx, "ss", "-Hltnp", fmt.Sprintf("sport = :%d", port)).Output()
	if _, users, ok := strings.Cut(string(said), "users:(("); err == nil && ok {
		name, rest, _ := strings.Cut(users, ",")
		pid, _, _ := strings.Cut(rest, ",")
		return fmt.Sprintf(" by %s (%s)", strings.Trim(name, `"`), pid)
	}
	return ""
}
