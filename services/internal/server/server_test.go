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

// start serves on free ports and returns the function that tells the server to
// stop, and what Run answered.
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
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode, err
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
		for s.Health.Ready() { // not ready comes at once, before the listener closes
			time.Sleep(time.Millisecond)
		}
		if code, err := get(t, url+"/quick"); code != 200 || err != nil {
			t.Errorf("while draining: %d, %v", code, err)
		}
		for { // then no new requests
			if _, err := get(t, url+"/quick"); err != nil {
				break
			}
		}
		close(release)
		if err := <-slow; err != nil {
			t.Errorf("the open request was cut off: %v", err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
	})

	// A caller may be sending on a connection that was idle when the drain began. Of
	// 1608 requests of a rolling update one met a connection that was just closed.
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
		answers := bufio.NewReader(conn)
		ask := func() *http.Response {
			t.Helper()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			return answer
		}
		if ask().Close {
			t.Error("the connection is not kept")
		}
		stop()
		for s.Health.Ready() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // what is closed at the drain's beginning is closed now
		if !ask().Close {
			t.Error("the caller is not told to connect anew")
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
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
			t.Error("Run hides that a request was cut off")
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
		ask := func() healthpb.HealthCheckResponse_ServingStatus {
			answer, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return answer.GetStatus()
		}
		for ask() != healthpb.HealthCheckResponse_SERVING {
			time.Sleep(time.Millisecond)
		}
		stop()
		for s.Health.Ready() {
			time.Sleep(time.Millisecond)
		}
		if got := ask(); got != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("while draining: %s", got)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
