package probe

import (
	"context"
	"fmt"
	"time"
)

const (
	// blockedAfter is the time without a response after which a port counts as
	// blocked. Linux repeats a SYN after 1 s, so one lost packet does not matter.
	blockedAfter = 1500 * time.Millisecond

	recheckDelay = 300 * time.Millisecond // before the second attempt at a forbidden port that responded
	allowedDelay = 100 * time.Millisecond // between attempts at the allowed port
)

// UnknownPolicies begins the message of a Policies check that found nothing out.
const UnknownPolicies = "enforcement unknown: "

// checkPolicies tries to connect to a port that no NetworkPolicy allows. It
// always passes; the message holds the finding.
func (n *network) checkPolicies(ctx context.Context, c Check) (Answer, string, *problem) {
	address := fmt.Sprintf("%s:%d", c.Target.Pod, c.Target.Port)
	forbidden := n.connectTwice(ctx, c.Target)
	if forbidden.byPod() {
		return Answer{}, fmt.Sprintf("not enforced by this cluster's network plugin: %s responded, although no policy allows it", address), nil
	}
	allowed := n.connectAllowed(ctx, c.Target)
	switch {
	case !allowed.byPod():
		return Answer{}, fmt.Sprintf("%sneither %s nor port %d, which the policies allow, responded", UnknownPolicies, address, c.Target.AllowedPort), nil
	case forbidden.refused && !allowed.received:
		return Answer{}, fmt.Sprintf("%sthe pod or the network plugin refused a connection to %s", UnknownPolicies, address), nil
	}
	return Answer{}, fmt.Sprintf("enforced (%s is blocked for the smoke test)", address), nil
}

// connectTwice connects to the forbidden port again if the pod responds. A
// network plugin may apply policies to a new pod, or a new policy, with a delay.
func (n *network) connectTwice(ctx context.Context, t Target) connection {
	ctx, cancel := context.WithTimeout(ctx, blockedAfter)
	defer cancel()
	first := n.connect(ctx, t.Host, t.Port)
	if !first.byPod() {
		return first
	}
	sleep(ctx, recheckDelay)
	return n.connect(ctx, t.Host, t.Port)
}

// connectAllowed connects to the allowed port until the pod responds, because a
// network plugin may learn of the new smoke test pod with a delay.
func (n *network) connectAllowed(ctx context.Context, t Target) connection {
	for {
		c := n.connect(ctx, t.Host, t.AllowedPort)
		if c.byPod() || ctx.Err() != nil {
			return c
		}
		sleep(ctx, allowedDelay)
	}
}
