package rpc_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"tkdeploy.dev/tiktok/internal/requestid"
	"tkdeploy.dev/tiktok/internal/rpc"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

type backend struct {
	authv1.UnimplementedAuthServiceServer
	calls   atomic.Int32
	respond func(context.Context) error
}

func (b *backend) GetUser(ctx context.Context, _ *authv1.GetUserRequest) (*authv1.GetUserResponse, error) {
	b.calls.Add(1)
	return &authv1.GetUserResponse{}, b.respond(ctx)
}

func (b *backend) Login(ctx context.Context, _ *authv1.LoginRequest) (*authv1.LoginResponse, error) {
	b.calls.Add(1)
	return &authv1.LoginResponse{}, b.respond(ctx)
}

// connect returns a connection to an in-memory server.
func connect(t *testing.T, respond func(context.Context) error) (conn *rpc.Conn, b *backend, log *bytes.Buffer, metrics *prometheus.Registry) {
	t.Helper()
	b, log, metrics = &backend{respond: respond}, &bytes.Buffer{}, prometheus.NewRegistry()
	server, _ := rpc.NewServer(slog.New(slog.NewTextHandler(log, nil)), metrics)
	authv1.RegisterAuthServiceServer(server, b)
	pipe := bufconn.Listen(1 << 16)
	served := make(chan struct{})
	go func() { _ = server.Serve(pipe); close(served) }()
	t.Cleanup(func() { server.Stop(); <-served })
	conn, err := rpc.Dial("passthrough:///memory", []string{"auth.v1.AuthService/GetUser"},
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, b, log, metrics
}

func TestDial(t *testing.T) {
	t.Parallel()
	t.Run("sends the request id and a deadline", func(t *testing.T) {
		t.Parallel()
		var id string
		var left time.Duration
		conn, _, _, metrics := connect(t, func(ctx context.Context) error {
			id = requestid.From(ctx)
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		})
		ctx := requestid.With(t.Context(), "r1")
		if _, err := authv1.NewAuthServiceClient(conn).GetUser(ctx, &authv1.GetUserRequest{}); err != nil {
			t.Fatal(err)
		}
		if id != "r1" {
			t.Errorf("got request id %q, want r1", id)
		}
		if left <= 0 || left > rpc.Timeout {
			t.Errorf("got %s until the deadline, want at most %s", left, rpc.Timeout)
		}
		if n, err := testutil.GatherAndCount(metrics, "grpc_server_handling_seconds"); n != 1 || err != nil {
			t.Errorf("got %d metrics, %v, want 1", n, err)
		}
	})

	t.Run("retries only safe calls", func(t *testing.T) {
		t.Parallel()
		conn, b, _, _ := connect(t, func(context.Context) error { return status.Error(codes.Unavailable, "restarting") })
		client := authv1.NewAuthServiceClient(conn)
		if _, err := client.Login(t.Context(), &authv1.LoginRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want code Unavailable", err)
		}
		if got := b.calls.Swap(0); got != 1 {
			t.Errorf("Login: got %d calls, want 1", got)
		}
		if _, err := client.GetUser(t.Context(), &authv1.GetUserRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want code Unavailable", err)
		}
		if got := b.calls.Load(); got != 3 {
			t.Errorf("GetUser: got %d calls, want 3", got)
		}
	})
}

func TestNewServer(t *testing.T) {
	t.Parallel()
	t.Run("recovers from a panic", func(t *testing.T) {
		t.Parallel()
		var calls atomic.Int32
		conn, _, log, _ := connect(t, func(context.Context) error {
			if calls.Add(1) == 1 {
				panic("boom")
			}
			return nil
		})
		client := authv1.NewAuthServiceClient(conn)
		_, err := client.GetUser(t.Context(), &authv1.GetUserRequest{})
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
			t.Errorf("got %v, want code Internal without the panic text", err)
		}
		if _, err := client.GetUser(t.Context(), &authv1.GetUserRequest{}); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "boom") {
			t.Errorf("got log %s, want the panic text", log)
		}
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	t.Run("follows the health service", func(t *testing.T) {
		t.Parallel()
		pipe := bufconn.Listen(1 << 16)
		server, state := rpc.NewServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		go func() { _ = server.Serve(pipe) }()
		t.Cleanup(server.Stop)
		conn, err := rpc.Dial("passthrough:///memory", nil,
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		probe := rpc.Probe(conn)
		if err := probe(t.Context()); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
			t.Errorf("initially: got %v, want NOT_SERVING", err)
		}
		state.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		if err := probe(t.Context()); err != nil {
			t.Error(err)
		}
	})

	// The wrong peer speaks HTTP/2 but not gRPC, like a proxy that accepts
	// connections to every address.
	t.Run("disconnects a wrong peer", func(t *testing.T) {
		t.Parallel()
		wrongPipe, rightPipe := bufconn.Listen(1<<16), bufconn.Listen(1<<16)
		wrong := &http.Server{Handler: http.NotFoundHandler(), Protocols: new(http.Protocols)}
		wrong.Protocols.SetUnencryptedHTTP2(true)
		go func() { _ = wrong.Serve(wrongPipe) }()
		t.Cleanup(func() { _ = wrong.Close() })
		server, state := rpc.NewServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		state.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		go func() { _ = server.Serve(rightPipe) }()
		t.Cleanup(server.Stop)
		var dials atomic.Int32
		conn, err := rpc.Dial("passthrough:///memory", nil, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				return wrongPipe.DialContext(ctx)
			}
			return rightPipe.DialContext(ctx)
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		probe := rpc.Probe(conn)
		if err := probe(t.Context()); status.Code(err) != codes.Unimplemented {
			t.Fatalf("wrong peer: got %v, want code Unimplemented", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for ; ; time.Sleep(10 * time.Millisecond) {
			err := probe(ctx)
			if err == nil {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("after %d connections: got %v, want success", dials.Load(), err)
			}
		}
	})
}
