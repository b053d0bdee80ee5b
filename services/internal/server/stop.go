package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// stop goes the way of a pod that terminates: not ready at once; still serving,
// for callers that have not heard of it yet; then no new requests and time for
// the open ones.
//
// The gRPC health service stays SERVING until the end of the drain. Clients hold
// on to their connections, and one that asks would otherwise count this service
// as down while it still serves and its successor already does.
func (s *Server) stop(ctx context.Context, web *http.Server) error {
	s.Log.InfoContext(ctx, "draining", "for", s.DrainFor.String())
	s.Health.Drain()
	s.draining.Store(true)
	time.Sleep(s.DrainFor)

	ctx, cancel := context.WithTimeout(ctx, s.StopWithin)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error {
		if err := web.Shutdown(ctx); err != nil {
			return fmt.Errorf("stop HTTP: %w", err)
		}
		return nil
	})
	if s.GRPC != nil {
		group.Go(func() error { return s.stopGRPC(ctx) })
	}
	err := group.Wait()
	s.Log.InfoContext(ctx, "stopped")
	return err
}

func (s *Server) stopGRPC(ctx context.Context) error {
	s.GRPCHealth.Shutdown()
	finished := make(chan struct{})
	go func() { s.GRPC.GracefulStop(); close(finished) }()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		s.GRPC.Stop() // lets GracefulStop return as well
		<-finished
		return fmt.Errorf("stop gRPC: %w", ctx.Err())
	}
}

// reportGRPC tells the standard gRPC health service what the monitor found.
func (s *Server) reportGRPC(ready bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.GRPCHealth.SetServingStatus("", status)
}
