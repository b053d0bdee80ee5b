// Package rpc configures gRPC servers and clients for all services.
package rpc

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"tkdeploy.dev/tiktok/internal/requestid"
)

// Timeout is a client's default timeout and a server's maximum.
const Timeout = 5 * time.Second

// maxConnectionAge makes clients reconnect and resolve the name again. New pods
// then get their share of calls even behind a cluster IP.
const maxConnectionAge = time.Minute

// NewServer returns a server with the standard health service, initially
// NOT_SERVING.
func NewServer(log *slog.Logger, metrics prometheus.Registerer) (*grpc.Server, *health.Server) {
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(requestid.UnaryServer, observe(log, metrics), recoverPanics(log), limitTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: 2 * Timeout}),
	)
	state := health.NewServer()
	state.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(server, state)
	return server, state
}
