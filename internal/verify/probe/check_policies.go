package probe

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

const (
	// Longer than the 1 s after which Linux repeats a lost SYN.
	blockedAfter = 1500 * time.Millisecond

	recheckDelay = 300 * time.Millisecond // before connecting again to a forbidden port
	allowedDelay = 100 * time.Millisecond // between attempts at the allowed port
)

// UnknownPolicies begins the message of an inconclusive Policies check.
const UnknownPolicies = "enforcement unknown: "

func (n *network) checkPolicies(ctx context.Context, c Check) (Answer, string, *problem) {
	address := fmt.Sprintf("%s:%d", c.Target.Pod, c.Target.Port)
	forbidden := n.connectTwice(ctx, c.Target)
	if forbidden.podResponded() {
		return Answer{}, fmt.Sprintf("not enforced by this cluster's network plugin: %s responded, although no policy allows it", address), nil
	}
	allowed := n.connectAllowed(ctx, c.Target)
	switch {
	case !allowed.podResponded():
		return Answer{}, fmt.Sprintf("%sneither %s nor port %d, which the policies allow, responded", UnknownPolicies, address, c.Target.AllowedPort), nil
	case forbidden.refused && !allowed.received:
		return Answer{}, fmt.Sprintf("%sthe pod or the network plugin refused a connection to %s", UnknownPolicies, address), nil
	}
	return Answer{}, fmt.Sprintf("enforced (%s is blocked for the smoke test)", address), nil
}

// connectTwice connects again if the pod responds, because a network plugin may
// apply policies with a delay.
func (n *network) connectTwice(ctx context.Context, t Target) connection {
	ctx, cancel := context.WithTimeout(ctx, blockedAfter)
	defer cancel()
	first := n.connect(ctx, t.Host, t.Port)
	if !first.podResponded() {
		return first
	}
	sleep.For(ctx, recheckDelay)
	return n.connect(ctx, t.Host, t.Port)
}

// connectAllowed retries, because a network plugin may learn of a new pod with a delay.
func (n *network) connectAllowed(ctx context.Context, t Target) connection {
	for {
		c := n.connect(ctx, t.Host, t.AllowedPort)
		if c.podResponded() || ctx.Err() != nil {
			return c
		}
		sleep.For(ctx, allowedDelay)
	}
}
