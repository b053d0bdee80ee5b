// Package server runs listeners and stops them without dropping requests.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	monitor "tkdeploy.dev/tiktok/internal/health"
)

// Server serves a service's HTTP and, if set, gRPC.
type Server struct {
	HTTPPort int
	HTTP     http.Handler

	GRPCPort   int // only with GRPC
	GRPC       *grpc.Server
	GRPCHealth *health.Server

	Health *monitor.Monitor
	Log    *slog.Logger

	// DrainFor is how long to keep serving after a stop request, until no node
	// sends new connections.
	DrainFor time.Duration
	// StopWithin is how long open requests may then take.
	StopWithin time.Duration

	draining atomic.Bool
}

// Run serves until ctx is done, then drains and stops. It returns an error if a
// listener failed or requests were cut off.
func (s *Server) Run(ctx context.Context) error {
	listenHTTP, err := listen(ctx, s.HTTPPort)
	if err != nil {
		return err
	}
	if s.GRPC == nil {
		return s.serve(ctx, listenHTTP, nil)
	}
	listenGRPC, err := listen(ctx, s.GRPCPort)
	if err != nil {
		return errors.Join(err, listenHTTP.Close())
	}
	return s.serve(ctx, listenHTTP, listenGRPC)
}

func (s *Server) serve(ctx context.Context, listenHTTP, listenGRPC net.Listener) error {
	web := s.webServer()
	group, ctx := errgroup.WithContext(ctx)
	s.Log.InfoContext(ctx, "serving HTTP", "address", listenHTTP.Addr().String())
	group.Go(func() error { return serveHTTP(web, listenHTTP) })
	if s.GRPC != nil {
		s.Log.InfoContext(ctx, "serving gRPC", "address", listenGRPC.Addr().String())
		s.Health.Notify(s.reportGRPC)
		group.Go(func() error { return s.GRPC.Serve(listenGRPC) })
	}
	group.Go(func() error { s.Health.Run(ctx); return nil })
	group.Go(func() error {
		<-ctx.Done()
		return s.stop(context.WithoutCancel(ctx), web)
	})
	return group.Wait()
}

// webServer limits how long a client can hold a connection.
func (s *Server) webServer() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
}

// handle makes clients of a draining server reconnect to another pod. Idle
// connections stay open: closing them, as [http.Server.SetKeepAlivesEnabled]
// does, could break a request in flight.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	s.HTTP.ServeHTTP(w, r)
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("listen on port %d: %w", port, err)
	}
	return listener, nil
}

func serveHTTP(web *http.Server, listener net.Listener) error {
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}
