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
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func runChecks(t *testing.T, resolver *net.Resolver, checks ...Check) map[string]Result {
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
			t.Fatalf("got line %q, want a result", line)
		}
		results[r.ID] = r
	}
	if len(results) != len(checks) {
		t.Fatalf("got %d results, want %d", len(results), len(checks))
	}
	return results
}

func at(address net.Addr, path string) Target {
	return Target{Host: "127.0.0.1", Port: address.(*net.TCPAddr).Port, Path: path}
}

func TestProber_run(t *testing.T) {
	t.Parallel()
	t.Run("retries a check until it passes", func(t *testing.T) {
		t.Parallel()
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) < 4 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(server.Close)
		check := Check{ID: "x", Kind: HTTP, Target: at(server.Listener.Addr(), "/"), Within: time.Minute}
		if r := runChecks(t, net.DefaultResolver, check)["x"]; r.Outcome != Passed || r.Attempts != 4 || r.Reason != "" {
			t.Errorf("got %+v, want passed at attempt 4", r)
		}
	})

	t.Run("blocks checks behind a closed port", func(t *testing.T) {
		t.Parallel()
		listener := listen(t)
		target := at(listener.Addr(), "")
		listener.Close()
		results := runChecks(t, net.DefaultResolver,
			Check{ID: "port", Kind: TCP, Target: target},
			Check{ID: "health", Kind: HTTP, Target: target, Needs: []string{"port"}},
			Check{ID: "behind", Kind: HTTP, Target: target, Needs: []string{"health"}})
		if r := results["port"]; r.Outcome != Failed || r.Reason != Refused || !strings.HasSuffix(r.Message, ": connection refused") {
			t.Errorf("port: got %+v, want refused", r)
		}
		for _, id := range []string{"health", "behind"} {
			if r := results[id]; r.Outcome != Blocked || r.BlockedBy != "port" || r.Attempts != 0 {
				t.Errorf("%s: got %+v, want blocked by port", id, r)
			}
		}
	})

	t.Run("retries for less time after a failure", func(t *testing.T) {
		t.Parallel()
		listener := listen(t)
		closed := at(listener.Addr(), "")
		listener.Close()
		start := time.Now()
		results := runChecks(t, net.DefaultResolver,
			Check{ID: "port", Kind: TCP, Target: closed},
			Check{ID: "other", Kind: TCP, Target: closed, Within: time.Minute})
		if r := results["other"]; r.Outcome != Failed || time.Since(start) > 30*time.Second {
			t.Errorf("got %+v after %s, want failed within 30s", r, time.Since(start))
		}
	})

	t.Run("completes more checks than slots", func(t *testing.T) {
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
		for id, r := range runChecks(t, net.DefaultResolver, checks...) {
			if r.Outcome != Passed {
				t.Errorf("%s: got %+v, want passed", id, r)
			}
		}
	})
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

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("stops when ctx is done", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		checks, err := json.Marshal([]Check{{ID: "x", Kind: GRPC, Target: at(silentServer(t), "")}})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Run(ctx, bytes.NewReader(checks), &out); err == nil {
			t.Error("got no error, want one after the deadline")
		}
		if out.Len() > 0 {
			t.Errorf("got result %s, want none for an interrupted check", out.String())
		}
	})

	t.Run("rejects invalid checks", func(t *testing.T) {
		t.Parallel()
		for name, in := range map[string]string{
			"not JSON":              `checks`,
			"need is a later check": `[{"id":"a","needs":["b"]},{"id":"b"}]`,
			"duplicate ID":          `[{"id":"a"},{"id":"a"}]`,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if err := Run(t.Context(), strings.NewReader(in), &bytes.Buffer{}); err == nil {
					t.Error("got no error")
				}
			})
		}
	})

	t.Run("stops if it cannot write", func(t *testing.T) {
		t.Parallel()
		in := `[{"id":"a","kind":"unheard-of","within":1}]`
		if err := Run(t.Context(), strings.NewReader(in), brokenPipe{}); err == nil || !strings.Contains(err.Error(), "write result") {
			t.Errorf("got %v, want a write error", err)
		}
	})
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }
