package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Linux sends a SYN again after 1 s. Each try has two, so that a lost one is
// not taken for a closed port, and there is time to try twice.
const (
	policiesTimeout = 2 * time.Second         // of all
	closedAfter     = 1500 * time.Millisecond // without an answer
	openTwice       = 300 * time.Millisecond  // between two answers
)

// UnknownPolicies begins what is said where nothing is proven about policies.
const UnknownPolicies = "enforcement unknown: "

// A knock is what came of an attempt to connect.
type knock struct {
	connected bool
	refused   bool
	heard     bool // a TCP segment came back; false also where that cannot be known
}

// answered says that the pod did: a plugin that rejects sends an ICMP message,
// which refuses a connection as well as the pod's RST does (kube-router, so k3s).
func (k knock) answered() bool { return k.connected || k.refused && k.heard }

// askPolicies tries to connect to a port that no NetworkPolicy allows. What it
// finds is told and never fails.
func (p *prober) askPolicies(ctx context.Context, c Check) (Answer, string, *problem) {
	where := fmt.Sprintf("%s:%d", c.Target.Pod, c.Target.Port)
	forbidden := p.knockTwice(ctx, c.Target)
	if forbidden.answered() {
		return Answer{}, fmt.Sprintf("not enforced by this cluster's network plugin: %s answered, and no policy allows it", where), nil
	}
	allowed := p.knockUntilAnswered(ctx, c.Target)
	switch {
	case !allowed.answered():
		return Answer{}, fmt.Sprintf("%s%s was closed to the smoke test, and so was its port %d, which they allow", UnknownPolicies, where, c.Target.AllowedPort), nil
	case forbidden.refused && !allowed.heard:
		return Answer{}, fmt.Sprintf("%s%s refused the connection, either the pod or the network plugin", UnknownPolicies, where), nil
	}
	return Answer{}, fmt.Sprintf("enforced (%s was closed to the smoke test)", where), nil
}

// knockTwice wants an answer twice: a plugin may let a pod that is a moment old
// through, or be about to learn of a new policy.
func (p *prober) knockTwice(ctx context.Context, t Target) knock {
	ctx, cancel := context.WithTimeout(ctx, closedAfter)
	defer cancel()
	first := p.knock(ctx, t.Host, t.Port)
	if !first.answered() {
		return first
	}
	Wait(ctx, openTwice)
	return p.knock(ctx, t.Host, t.Port)
}

// knockUntilAnswered tries the allowed port: a plugin may be about to learn of
// this pod.
func (p *prober) knockUntilAnswered(ctx context.Context, t Target) knock {
	for {
		k := p.knock(ctx, t.Host, t.AllowedPort)
		if k.answered() || ctx.Err() != nil {
			return k
		}
		Wait(ctx, p.pause)
	}
}

// knockAt tries to connect to an address once, for as long as ctx allows.
func knockAt(ctx context.Context, host string, port int) knock {
	var held socket
	dialer := net.Dialer{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		held, err = hold(conn)
		return err
	}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	k := knock{connected: err == nil, refused: errors.Is(err, syscall.ECONNREFUSED), heard: held.heard()}
	held.close()
	if conn != nil {
		conn.Close()
	}
	return k
}
