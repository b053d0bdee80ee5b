package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/internal/requestid"
)

// A Conn is a client's connections to a service.
type Conn struct {
	*grpc.ClientConn
	peers *peers
}

// Dial makes a client for target, such as "dns:///auth-service:5001". It
// connects by itself, and again whenever the connection is lost.
//
// Calls go to all addresses of the name in turn. A call that finds no connection
// waits for one, up to its deadline ([Timeout] unless the context's is nearer):
// so a server that is replaced costs time and no errors. Only the methods in
// safe, as "auth.v1.AuthService/GetUser", are repeated when a server fails in
// the middle of one.
func Dial(target string, safe []string, opts ...grpc.DialOption) (*Conn, error) {
	peers := newPeers()
	conn, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(peers), // inside the cluster; a NetworkPolicy names who may call
		grpc.WithDefaultServiceConfig(serviceConfig(safe)),
		grpc.WithDisableServiceConfig(), // none from DNS
		grpc.WithChainUnaryInterceptor(requestid.UnaryClient),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 2 * time.Second,
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
		}),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("make client for %s: %w", target, err)
	}
	return &Conn{conn, peers}, nil
}

// Probe returns a readiness check that asks the standard health service. What
// does not know that service is not the server: its connection is left for a new
// one.
func Probe(conn *Conn) func(context.Context) error {
	client := healthpb.NewHealthClient(conn)
	return func(ctx context.Context) error {
		answer, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		if status.Code(err) == codes.Unimplemented {
			conn.peers.leave()
		}
		if err != nil {
			return err
		}
		if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("its health is %s", answer.GetStatus())
		}
		return nil
	}
}

// serviceConfig is gRPC's own way to set these rules:
// https://github.com/grpc/grpc/blob/master/doc/service_config.md
func serviceConfig(safe []string) string {
	type object = map[string]any
	timeout := fmt.Sprintf("%gs", Timeout.Seconds())
	methods := []object{{"name": []object{{}}, "timeout": timeout, "waitForReady": true}}
	if len(safe) > 0 {
		names := make([]object, len(safe))
		for i, full := range safe {
			service, method, _ := strings.Cut(full, "/")
			names[i] = object{"service": service, "method": method}
		}
		methods = append(methods, object{"name": names, "timeout": timeout, "waitForReady": true, "retryPolicy": object{
			"maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
			"retryableStatusCodes": []string{"UNAVAILABLE"},
		}})
	}
	config, err := json.Marshal(object{"loadBalancingConfig": []object{{"round_robin": object{}}}, "methodConfig": methods})
	if err != nil {
		panic(err) // maps of strings and numbers always have a JSON form
	}
	return string(config)
}
