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

// Conn is a connection pool for one service.
type Conn struct {
	*grpc.ClientConn
	peers *peers
}

// Dial returns a client for target, such as "dns:///auth-service:5001". It
// connects on its own and reconnects when necessary.
//
// Calls are balanced over all addresses. A call waits for a connection until its
// deadline ([Timeout] or the context's), so replacing a server causes no errors.
// Only the methods in safe, such as "auth.v1.AuthService/GetUser", are retried
// if a server fails during the call.
func Dial(target string, safe []string, opts ...grpc.DialOption) (*Conn, error) {
	peers := newPeers()
	conn, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(peers), // in-cluster; a NetworkPolicy restricts callers
		grpc.WithDefaultServiceConfig(serviceConfig(safe)),
		grpc.WithDisableServiceConfig(), // none from DNS
		grpc.WithChainUnaryInterceptor(requestid.UnaryClient),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 2 * time.Second,
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
		}),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("create client for %s: %w", target, err)
	}
	return &Conn{conn, peers}, nil
}

// Probe returns a check of the standard health service. A peer without that
// service is not the server, so its connection is closed.
func Probe(conn *Conn) func(context.Context) error {
	client := healthpb.NewHealthClient(conn)
	return func(ctx context.Context) error {
		response, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		if status.Code(err) == codes.Unimplemented {
			conn.peers.leave()
		}
		if err != nil {
			return err
		}
		if response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("health status %s", response.GetStatus())
		}
		return nil
	}
}

// See https://github.com/grpc/grpc/blob/master/doc/service_config.md.
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
		panic(err) // these types always encode
	}
	return string(config)
}
