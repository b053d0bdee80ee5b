package registry

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Endpoint is an address at which an engine reaches a registry. Engines use plain HTTP
// only with 127.0.0.0/8 of their own machine.
type Endpoint struct {
	Address string // host and port
	Close   func()
}

// Listen serves the registry on this machine's loopback address.
func Listen(ctx context.Context, r *Registry) (Endpoint, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return Endpoint{}, err
	}
	server := newServer(r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it ends with Close
	}()
	return Endpoint{listener.Addr().String(), func() { server.Close(); <-done }}, nil
}

// newServer logs nothing: an engine tries TLS first.
func newServer(r *Registry) *http.Server {
	return &http.Server{Handler: r, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
}
