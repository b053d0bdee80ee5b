package cluster

import (
	"context"
	"fmt"
)

// serviceSubnet is kind's default, which kindConfig keeps
// (sigs.k8s.io/kind pkg/internal/apis/config/default.go).
const serviceSubnet = "10.96.0.0/16"

// refuseUnknownServices makes the nodes refuse connections from pods to Service
// addresses that kube-proxy does not know yet. Without it they leave the node
// for the host's network, where something may well answer, such as a company's
// proxy: a client that connects in that instant then speaks to a stranger for
// as long as the connection lives. What kube-proxy knows is translated before
// it is forwarded and never meets the rule.
func (c *Cluster) refuseUnknownServices(ctx context.Context) error {
	const rule = "FORWARD --destination " + serviceSubnet + " --jump REJECT --reject-with icmp-port-unreachable"
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		script := "iptables --wait --check " + rule + " 2>/dev/null || iptables --wait --append " + rule
		if err := n.Run(ctx, nil, nil, "sh", "-c", script); err != nil {
			return fmt.Errorf("refuse unknown Service addresses: %w", err)
		}
	}
	return nil
}
