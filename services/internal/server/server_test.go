package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	monitor "tkdeploy.dev/tiktok/internal/health"
)

// start serves on free ports. stopped receives the result of the server.
func start(t *testing.T, s *Server) (web, rpc string, stop func(), stopped chan error) {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	s.Health = monitor.New(10*time.Millisecond, s.Log)
	listenHTTP, err := listen(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var listenGRPC net.Listener
	if s.GRPC != nil {
		if listenGRPC, err = listen(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		rpc = listenGRPC.Addr().String()
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stopped = make(chan error, 1)
	go func() { stopped <- s.serve(ctx, listenHTTP, listenGRPC) }()
	return "http://" + listenHTTP.Addr().String(), rpc, cancel, stopped
}

func get(t *testing.T, url string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode, err
}

func TestServer_Run(t *testing.T) {
	t.Parallel()
	t.Run("drains and finishes open requests", func(t *testing.T) {
		t.Parallel()
		entered, release := make(chan struct{}), make(chan struct{})
		mux := http.NewServeMux()
		mux.HandleFunc("GET /quick", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) { close(entered); <-release })
		s := &Server{HTTP: mux, DrainFor: 300 * time.Millisecond, StopWithin: 10 * time.Second}
		url, _, stop, stopped := start(t, s)

		slow := make(chan error, 1)
		go func() { _, err := get(t, url+"/slow"); slow <- err }()
		<-entered
		stop()
		for s.Health.Ready() { // readiness fails before the listener closes
			time.Sleep(time.Millisecond)
		}
		if code, err := get(t, url+"/quick"); code != 200 || err != nil {
			t.Errorf("while draining: got %d, %v, want 200", code, err)
		}
		for { // until the listener closes
			if _, err := get(t, url+"/quick"); err != nil {
				break
			}
		}
		close(release)
		if err := <-slow; err != nil {
			t.Errorf("open request: got error %v", err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})

	// A client may send a request on a connection that was idle when draining began.
	// In a rolling update, one of 1,608 requests failed on a connection just closed.
	t.Run("keeps idle connections while draining", func(t *testing.T) {
		t.Parallel()
		quick := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		s := &Server{HTTP: quick, DrainFor: 2 * time.Second, StopWithin: 10 * time.Second}
		url, _, stop, stopped := start(t, s)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		responses := bufio.NewReader(conn)
		request := func() *http.Response {
			t.Helper()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(responses, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			return response
		}
		if request().Close {
			t.Error("the connection was not kept alive")
		}
		stop()
		for s.Health.Ready() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // time to close connections at the start of draining
		if !request().Close {
			t.Error("the response does not close the connection")
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})

	t.Run("cuts off requests after StopWithin", func(t *testing.T) {
		t.Parallel()
		entered, release := make(chan struct{}), make(chan struct{})
		defer close(release)
		hang := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-release })
		url, _, stop, stopped := start(t, &Server{HTTP: hang, StopWithin: 50 * time.Millisecond})
		go func() { _, _ = get(t, url) }()
		<-entered
		stop()
		if err := <-stopped; err == nil {
			t.Error("Run: got nil, want an error for the interrupted request")
		}
	})

	t.Run("reports gRPC health until drained", func(t *testing.T) {
		t.Parallel()
		s := &Server{HTTP: http.NewServeMux(), GRPC: grpc.NewServer(), GRPCHealth: health.NewServer(),
			DrainFor: 300 * time.Millisecond, StopWithin: 10 * time.Second}
		healthpb.RegisterHealthServer(s.GRPC, s.GRPCHealth)
		s.GRPCHealth.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		_, rpc, stop, stopped := start(t, s)
		conn, err := grpc.NewClient(rpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		client := healthpb.NewHealthClient(conn)
		check := func() healthpb.HealthCheckResponse_ServingStatus {
			response, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return response.GetStatus()
		}
		for check() != healthpb.HealthCheckResponse_SERVING {
			time.Sleep(time.Millisecond)
		}
		stop()
		for s.Health.Ready() {
			time.Sleep(time.Millisecond)
		}
		if got := check(); got != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("while draining: got %s, want SERVING", got)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})
}
