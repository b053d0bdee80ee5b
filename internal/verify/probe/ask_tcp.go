package probe

import (
	"context"
	"net"
	"strconv"
	"strings"
)

// askTCP connects and hangs up, as the kubelet's own tcpSocket probe does.
func (p *prober) askTCP(ctx context.Context, c Check) (Answer, string, *problem) {
	conn, err := p.dial(ctx, c)
	if err != nil {
		return Answer{}, "", failure("connect to "+c.URL(), err, c.timeout())
	}
	defer conn.Close()
	return Answer{}, c.URL() + " accepts connections", nil
}

// dial connects to the check's target by name.
func (p *prober) dial(ctx context.Context, c Check) (net.Conn, error) {
	host := c.Target.Host
	if strings.Contains(host, ".svc.") {
		host += "."
	}
	dialer := net.Dialer{Resolver: p.resolver}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(c.Target.Port)))
}
