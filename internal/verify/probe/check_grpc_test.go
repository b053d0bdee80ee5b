package probe

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestNetwork_checkGRPC(t *testing.T) {
	t.Parallel()
	checker := health.NewServer()
	checker.SetServingStatus("feed", healthpb.HealthCheckResponse_NOT_SERVING)
	healthy := grpcServer(t, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, checker) })
	without := grpcServer(t, func(*grpc.Server) {})
	notGRPC := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(notGRPC.Close)
	silent := silentServer(t)
	withTLS := tlsGRPCServer(t, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, checker) })
	withoutTLS := tlsGRPCServer(t, func(*grpc.Server) {})

	for name, test := range map[string]struct {
		address net.Addr
		service string
		outcome Outcome
		reason  Reason
		answer  string
		message string
		guessed bool
	}{
		"SERVING passes":                            {healthy, "", Passed, "", "SERVING", " is SERVING", false},
		"NOT_SERVING fails":                         {healthy, "feed", Failed, Unexpected, "NOT_SERVING", "/feed is NOT_SERVING", false},
		"unknown service fails":                     {healthy, "other", Failed, Unexpected, "NotFound", `/other: service "other" is unknown to the health service`, false},
		"server without health service fails":       {without, "", Failed, Unexpected, "Unimplemented", ": the server has no grpc.health.v1.Health service; register it or skip this check", false},
		"HTTP server fails":                         {notGRPC.Listener.Addr(), "", Failed, NoResponse, "Unavailable", ": no gRPC response", false},
		"silent server fails":                       {silent, "", Failed, NoResponse, "DeadlineExceeded", ": no response within 300ms", false},
		"guess with SERVING passes":                 {healthy, "", Passed, "", "SERVING", " is SERVING", true},
		"guess without health service passes":       {without, "", Passed, "", "Unimplemented", " responds, but has no grpc.health.v1.Health service to check", true},
		"guess with TLS passes":                     {withTLS, "", Passed, "", "SERVING", " is SERVING with TLS", true},
		"guess with TLS fails with NOT_SERVING":     {withTLS, "feed", Failed, Unexpected, "NOT_SERVING", "/feed is NOT_SERVING", true},
		"guess with TLS and no health check passes": {withoutTLS, "", Passed, "", "Unimplemented", " responds, but has no grpc.health.v1.Health service to check", true},
		"guess of an HTTP server fails":             {notGRPC.Listener.Addr(), "", Failed, NoResponse, "Unavailable", ": no gRPC response", true},
		"TLS server without guess fails":            {withTLS, "", Failed, NoResponse, "Unavailable", ": no gRPC response", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := Check{ID: "x", Kind: GRPC, Guessed: test.guessed, Target: at(test.address, ""), Timeout: 300 * time.Millisecond}
			check.Target.GRPCService = test.service
			r := runChecks(t, net.DefaultResolver, check)["x"]
			if r.Outcome != test.outcome || r.Reason != test.reason || r.Answer.GRPC != test.answer || !strings.Contains(r.Message, test.message) {
				t.Errorf("got %+v\nwant %s %s %s with message %q", r, test.outcome, test.reason, test.answer, test.message)
			}
		})
	}
}

// tlsGRPCServer uses the certificate of an HTTP test server.
func tlsGRPCServer(t *testing.T, register func(*grpc.Server)) net.Addr {
	t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	return grpcServer(t, register, grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])))
}

func grpcServer(t *testing.T, register func(*grpc.Server), options ...grpc.ServerOption) net.Addr {
	t.Helper()
	server := grpc.NewServer(options...)
	register(server)
	listener := listen(t)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr()
}

// silentServer accepts connections in the kernel's backlog and never responds.
func silentServer(t *testing.T) net.Addr {
	t.Helper()
	return listen(t).Addr()
}
