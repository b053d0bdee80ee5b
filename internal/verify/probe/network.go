package probe

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
)

type network struct {
	resolver *net.Resolver
	connect  func(ctx context.Context, host string, port int) connection
}

func (n *network) dial(ctx context.Context, c Check) (net.Conn, error) {
	dialer := net.Dialer{Resolver: n.resolver}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(absolute(c.Target.Host), strconv.Itoa(c.Target.Port)))
}

// absolute disables search domains for full names.
func absolute(host string) string {
	if strings.Contains(host, ".svc.") {
		return host + "."
	}
	return host
}

type connection struct {
	opened   bool
	refused  bool
	received bool // a TCP segment arrived; false if unknown
}

// podResponded ignores a connection that a network plugin refused with an ICMP
// message (kube-router, which k3s uses).
func (c connection) podResponded() bool { return c.opened || c.refused && c.received }

func connect(ctx context.Context, host string, port int) connection {
	var s socket
	dialer := net.Dialer{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		s, err = duplicate(conn)
		return err
	}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	c := connection{opened: err == nil, refused: errors.Is(err, syscall.ECONNREFUSED), received: s.received()}
	s.close()
	if conn != nil {
		conn.Close()
	}
	return c
}
