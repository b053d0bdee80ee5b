package rpc

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// peers are insecure credentials that can disconnect a peer that is not the
// server. gRPC keeps any connection that stays open. It can lead to another
// server if a node lacks the rules of a new Service, or if a pod's address was
// reused.
type peers struct {
	credentials.TransportCredentials

	mu   sync.Mutex
	open map[*peer]struct{}
}

type peer struct {
	net.Conn
	of *peers
}

func newPeers() *peers {
	return &peers{TransportCredentials: insecure.NewCredentials(), open: map[*peer]struct{}{}}
}

// ClientHandshake is called for every new connection.
func (p *peers) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := p.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, err
	}
	known := &peer{Conn: conn, of: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[known] = struct{}{}
	return known, info, nil
}

// Clone returns p, which must track the connections of clones too.
func (p *peers) Clone() credentials.TransportCredentials { return p }

// leave closes all connections. gRPC opens new ones.
func (p *peers) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for known := range p.open {
		_ = known.Conn.Close()
	}
}

// Close is called when gRPC is done with the connection.
func (c *peer) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	delete(c.of.open, c)
	return c.Conn.Close()
}
