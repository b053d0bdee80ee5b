// Package rpc sets up gRPC servers and clients alike for all services: request
// ids, logs, metrics, deadlines on every call, retries only where they are safe.
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

// Timeout is how long a call may take: a client's default, and the most that a
// server grants.
const Timeout = 5 * time.Second

// maxConnectionAge makes clients connect, and look the name up, anew now and
// then: this is how pods that came later get their share of calls, also behind
// a Service with one cluster IP.
const maxConnectionAge = time.Minute

// NewServer makes a server with the standard health service, which answers
// NOT_SERVING until it is told otherwise.
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
