package rpc

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// peers are credentials without any security, which know what is connected, so
// that a peer that is not the server can be left. gRPC itself keeps a connection
// as long as it stands, whatever answers on it: before a node has the rules for a
// new Service, or when a pod's address has gone to another, that is a stranger.
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

// ClientHandshake is called with every new connection.
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

// Clone gives the same: what a clone connects is to be known, too.
func (p *peers) Clone() credentials.TransportCredentials { return p }

// leave closes all connections; gRPC makes new ones.
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
