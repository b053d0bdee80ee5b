package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// stop fails readiness at once, keeps serving clients that have not noticed yet,
// then rejects new requests and waits for the open ones.
//
// gRPC health stays SERVING until the drain ends. Clients that keep their
// connections would otherwise report an outage although this service still
// serves.
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
		s.GRPC.Stop() // makes GracefulStop return
		<-finished
		return fmt.Errorf("stop gRPC: %w", ctx.Err())
	}
}

func (s *Server) reportGRPC(ready bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.GRPCHealth.SetServingStatus("", status)
}
