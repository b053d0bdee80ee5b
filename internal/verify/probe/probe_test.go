package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// ask runs the checks as in the pod, with short times, and gives the results
// by ID.
func ask(t *testing.T, resolver *net.Resolver, checks ...Check) map[string]Result {
	t.Helper()
	for i := range checks {
		if checks[i].Timeout == 0 {
			checks[i].Timeout = 2 * time.Second
		}
		if checks[i].Within == 0 {
			checks[i].Within = time.Millisecond
		}
	}
	p := prober{network: network{resolver: resolver}, pause: time.Millisecond, maxPause: 5 * time.Millisecond, failFastTimeout: 20 * time.Millisecond}
	var out bytes.Buffer
	if err := p.run(t.Context(), checks, &out); err != nil {
		t.Fatal(err)
	}
	results := map[string]Result{}
	for line := range bytes.Lines(out.Bytes()) {
		r, ok := ParseLine(line)
		if !ok {
			t.Fatalf("not a result: %s", line)
		}
		results[r.ID] = r
	}
	if len(results) != len(checks) {
		t.Fatalf("%d results for %d checks", len(results), len(checks))
	}
	return results
}

// at is the target of a server on the loopback interface.
func at(address net.Addr, path string) Target {
	return Target{Host: "127.0.0.1", Port: address.(*net.TCPAddr).Port, Path: path}
}

func TestHTTPAnswersAreJudgedAsTheKubeletDoes(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	reply := func(path string, status int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	reply("/ok", 200, `{"status":"ok"}`)
	reply("/broken", 500, "{\"status\":\n  \"no \x1b[31mdatabase\"}")
	reply("/empty", 503, "")
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.Handle("/moved", http.RedirectHandler("/broken", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler("http://elsewhere.invalid/", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Host, r.Header.Get("X-Probe"), r.URL.RawQuery)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	base := server.URL

	for name, test := range map[string]struct {
		path    string
		expect  Expect
		headers http.Header
		timeout time.Duration

		outcome Outcome
		reason  Reason
		message string
	}{
		"200 passes":                         {path: "/ok", outcome: Passed, message: "GET " + base + "/ok returned 200"},
		"wanted content passes":              {path: "/ok", expect: Expect{Contains: "ok"}, outcome: Passed, message: "GET " + base + "/ok returned 200"},
		"500 fails and shows its body":       {path: "/broken", outcome: Failed, reason: Unexpected, message: "GET " + base + `/broken returned 500: {"status": "no [31mdatabase"}`},
		"503 without a body says so":         {path: "/empty", outcome: Failed, reason: Unexpected, message: "GET " + base + "/empty returned 503 with an empty body"},
		"a wanted 500 passes":                {path: "/broken", expect: Expect{Status: 500}, outcome: Passed, message: "GET " + base + "/broken returned 500"},
		"another status than wanted fails":   {path: "/ok", expect: Expect{Status: 204}, outcome: Failed, reason: Unexpected, message: "GET " + base + `/ok returned 200 instead of 204: {"status":"ok"}`},
		"other content than wanted fails":    {path: "/ok", expect: Expect{Contains: "ready"}, outcome: Failed, reason: Unexpected, message: "GET " + base + `/ok returned 200 without "ready": {"status":"ok"}`},
		"silence fails":                      {path: "/hang", timeout: 50 * time.Millisecond, outcome: Failed, reason: NoResponse, message: "GET " + base + "/hang: no response within 50ms"},
		"half an answer fails":               {path: "/half", timeout: 50 * time.Millisecond, outcome: Failed, reason: NoResponse, message: "GET " + base + "/half returned 200, but its body is incomplete: no response within 50ms"},
		"a redirect on the host is followed": {path: "/moved", outcome: Failed, reason: Unexpected, message: "GET " + base + `/moved returned 500: {"status": "no [31mdatabase"}`},
		"a redirect elsewhere passes":        {path: "/away", outcome: Passed, message: "GET " + base + "/away returned 302"},
		"a wanted redirect passes":           {path: "/moved", expect: Expect{Status: 302}, outcome: Passed, message: "GET " + base + "/moved returned 302"},
		"endless redirects fail":             {path: "/loop", outcome: Failed, reason: NoResponse, message: "GET " + base + "/loop: more than 10 redirects"},
		"headers, host and query are sent":   {path: "/who?full=1", headers: http.Header{"Host": {"shop.test"}, "x-probe": {"yes"}}, expect: Expect{Contains: "shop.test yes full=1"}, outcome: Passed, message: "GET " + base + "/who?full=1 returned 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := Check{ID: "x", Kind: HTTP, Target: at(server.Listener.Addr(), test.path), Expect: test.expect, Headers: test.headers, Timeout: test.timeout}
			r := ask(t, net.DefaultResolver, check)["x"]
			if r.Outcome != test.outcome || r.Reason != test.reason || r.Message != test.message {
				t.Errorf("got  %s %s %q\nwant %s %s %q", r.Outcome, r.Reason, r.Message, test.outcome, test.reason, test.message)
			}
			if r.Latency <= 0 || r.Elapsed < r.Latency {
				t.Errorf("latency %v, elapsed %v", r.Latency, r.Elapsed)
			}
		})
	}
}

func TestHTTPSCertificatesAreNotVerified(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	target := at(server.Listener.Addr(), "/")
	target.Scheme = "https"
	if r := ask(t, net.DefaultResolver, Check{ID: "x", Kind: HTTP, Target: target})["x"]; r.Outcome != Passed {
		t.Errorf("got %s: %s", r.Outcome, r.Message)
	}
}

func TestAFailureIsRepeatedUntilItPasses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	check := Check{ID: "x", Kind: HTTP, Target: at(server.Listener.Addr(), "/"), Within: time.Minute}
	if r := ask(t, net.DefaultResolver, check)["x"]; r.Outcome != Passed || r.Attempts != 4 || r.Reason != "" {
		t.Errorf("got %+v", r)
	}
}

func TestGRPCHealthIsServingOrFails(t *testing.T) {
	t.Parallel()
	checker := health.NewServer()
	checker.SetServingStatus("feed", healthpb.HealthCheckResponse_NOT_SERVING)
	healthy := grpcServer(t, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, checker) })
	without := grpcServer(t, func(*grpc.Server) {})
	notGRPC := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(notGRPC.Close)
	silent := silentServer(t)

	for name, test := range map[string]struct {
		address net.Addr
		service string
		outcome Outcome
		reason  Reason
		answer  string
		message string
	}{
		"SERVING passes":                     {healthy, "", Passed, "", "SERVING", " is SERVING"},
		"NOT_SERVING fails":                  {healthy, "feed", Failed, Unexpected, "NOT_SERVING", "/feed is NOT_SERVING"},
		"an unknown service fails":           {healthy, "nobody", Failed, Unexpected, "NotFound", `/nobody: service "nobody" is unknown to the health service`},
		"a server without the service fails": {without, "", Failed, Unexpected, "Unimplemented", ": the server has no grpc.health.v1.Health service; register it or skip this check"},
		"a server that is not gRPC fails":    {notGRPC.Listener.Addr(), "", Failed, NoResponse, "Unavailable", ": no gRPC response"},
		"a silent server fails":              {silent, "", Failed, NoResponse, "DeadlineExceeded", ": no response within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := Check{ID: "x", Kind: GRPC, Target: at(test.address, ""), Timeout: 300 * time.Millisecond}
			check.Target.GRPCService = test.service
			r := ask(t, net.DefaultResolver, check)["x"]
			if r.Outcome != test.outcome || r.Reason != test.reason || r.Answer.GRPC != test.answer || !strings.Contains(r.Message, test.message) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func grpcServer(t *testing.T, register func(*grpc.Server)) net.Addr {
	t.Helper()
	server := grpc.NewServer()
	register(server)
	listener := listen(t)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr()
}

// silentServer accepts connections, by the kernel's backlog, and never speaks.
func silentServer(t *testing.T) net.Addr {
	t.Helper()
	return listen(t).Addr()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestAClosedPortIsRefusedAndBlocksItsHealth(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	target := at(listener.Addr(), "")
	listener.Close()
	results := ask(t, net.DefaultResolver,
		Check{ID: "port", Kind: TCP, Target: target},
		Check{ID: "health", Kind: HTTP, Target: target, Needs: []string{"port"}},
		Check{ID: "behind", Kind: HTTP, Target: target, Needs: []string{"health"}})
	if r := results["port"]; r.Outcome != Failed || r.Reason != Refused || !strings.HasSuffix(r.Message, ": connection refused") {
		t.Errorf("port: %+v", r)
	}
	for _, id := range []string{"health", "behind"} {
		if r := results[id]; r.Outcome != Blocked || r.BlockedBy != "port" || r.Attempts != 0 {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestWhereOneCheckFailedTheOthersAreNotAskedForLong(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	closed := at(listener.Addr(), "")
	listener.Close()
	start := time.Now()
	results := ask(t, net.DefaultResolver,
		Check{ID: "port", Kind: TCP, Target: closed},
		Check{ID: "other", Kind: TCP, Target: closed, Within: time.Minute})
	if r := results["other"]; r.Outcome != Failed || time.Since(start) > 30*time.Second {
		t.Errorf("after %s: %+v", time.Since(start), r)
	}
}

func TestAnOpenPortPasses(t *testing.T) {
	t.Parallel()
	if r := ask(t, net.DefaultResolver, Check{ID: "x", Kind: TCP, Target: at(listen(t).Addr(), "")})["x"]; r.Outcome != Passed {
		t.Errorf("got %+v", r)
	}
}

func TestMoreChecksThanSlotsAllEnd(t *testing.T) {
	t.Parallel()
	address := listen(t).Addr()
	var checks []Check
	for i := range 3 * maxParallel {
		c := Check{ID: fmt.Sprint(i), Kind: TCP, Target: at(address, "")}
		if i > 0 {
			c.Needs = []string{fmt.Sprint(i / 2)}[:min(i/2, 1)]
		}
		checks = append(checks, c)
	}
	for id, r := range ask(t, net.DefaultResolver, checks...) {
		if r.Outcome != Passed {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	checks, err := json.Marshal([]Check{{ID: "x", Kind: GRPC, Target: at(silentServer(t), "")}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(ctx, bytes.NewReader(checks), &out); err == nil {
		t.Error("no error although the context ended")
	}
	if out.Len() > 0 {
		t.Errorf("a check that was cut short has the result %s", out.String())
	}
}

func TestProbeRefusesChecksThatItCannotOrder(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"no JSON":              `checks`,
		"a need that is later": `[{"id":"a","needs":["b"]},{"id":"b"}]`,
		"an ID that is twice":  `[{"id":"a"},{"id":"a"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := Run(t.Context(), strings.NewReader(in), &bytes.Buffer{}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestProbeStopsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	in := `[{"id":"a","kind":"unheard-of","within":1}]`
	if err := Run(t.Context(), strings.NewReader(in), brokenPipe{}); err == nil || !strings.Contains(err.Error(), "write result") {
		t.Errorf("got %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestTheClusterDomainComesFromTheSearchList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"the usual domain":    {"search app.svc.cluster.local svc.cluster.local cluster.local corp.test\nnameserver 10.96.0.10\n", "cluster.local"},
		"a domain of its own": {"nameserver 10.96.0.10\nsearch app.svc.k8s.corp.test svc.k8s.corp.test k8s.corp.test\n", "k8s.corp.test"},
		"no search list":      {"nameserver 127.0.0.1\n", "cluster.local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := clusterDomain(file); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	moved := inDomain([]Check{{Target: Target{Host: "db.app.svc.cluster.local"}}, {Target: Target{Host: "db"}}}, "k8s.corp.test")
	if moved[0].Target.Host != "db.app.svc.k8s.corp.test" || moved[1].Target.Host != "db" {
		t.Errorf("got %+v", moved)
	}
}
