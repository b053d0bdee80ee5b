package probe

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// network sends the requests of checks. Tests replace its fields.
type network struct {
	resolver *net.Resolver
	connect  func(ctx context.Context, host string, port int) connection
}

func (n *network) dial(ctx context.Context, c Check) (net.Conn, error) {
	dialer := net.Dialer{Resolver: n.resolver}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(absolute(c.Target.Host), strconv.Itoa(c.Target.Port)))
}

// absolute adds a dot to a full name, to prevent the use of search domains.
func absolute(host string) string {
	if strings.Contains(host, ".svc.") {
		return host + "."
	}
	return host
}

// connection is the result of an attempt to connect.
type connection struct {
	opened   bool
	refused  bool
	received bool // a TCP segment arrived; false also if that is unknown
}

// podResponded reports whether the pod responded. A network plugin may refuse a
// connection too, with an ICMP message (kube-router, which k3s uses).
func (c connection) podResponded() bool { return c.opened || c.refused && c.received }

// connect tries once to connect to an address.
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
