// Package relay connects an engine to a registry of another machine, over the standard
// input and output of a program on the engine's machine.
package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Argument makes tkdeploy-probe call [Run].
const Argument = "relay"

// Run listens on the loopback address of this machine, writes the address and a newline
// to out, and forwards HTTP requests over in and out, until in ends.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	ended := make(chan struct{})
	conn := newPipe(in, out, func() { close(ended) })
	transport := &http.Transport{Protocols: overHTTP2(), DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	target := &url.URL{Scheme: "http", Host: "registry"}
	server := &http.Server{
		Handler: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: transport,
			ErrorLog:  log.New(io.Discard, "", 0),
		},
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // an engine tries TLS first
	}
	go func() {
		select {
		case <-ended:
		case <-ctx.Done():
		}
		server.Close()
	}()
	// Connect at once, so that the end of in is noticed without a request.
	if request, err := http.NewRequestWithContext(ctx, http.MethodHead, target.String(), nil); err == nil {
		if response, err := transport.RoundTrip(request); err == nil {
			response.Body.Close()
		}
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// Serve reads the address that [Run] writes, and serves the forwarded requests until
// stop.
func Serve(in io.Reader, out io.Writer, handler http.Handler) (address string, stop func(), err error) {
	buffered := bufio.NewReader(in)
	line, err := buffered.ReadString('\n')
	if err != nil {
		return "", nil, fmt.Errorf("read the address of the relay: %w", err)
	}
	server := &http.Server{
		Handler: handler, Protocols: overHTTP2(), ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		HTTP2: &http.HTTP2Config{MaxReadFrameSize: 256 << 10, MaxReceiveBufferPerConnection: 32 << 20, MaxReceiveBufferPerStream: 8 << 20},
	}
	listener := newOneConn(newPipe(buffered, out, func() {}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it ends with stop
	}()
	return strings.TrimSpace(line), func() { server.Close(); <-done }, nil
}

func overHTTP2() *http.Protocols {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &p
}

// oneConn is a listener with one connection.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newOneConn(c net.Conn) *oneConn {
	l := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conns <- c
	return l
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return pipeAddr{} }
