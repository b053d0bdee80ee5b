package health

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func get(t *testing.T, m *Monitor, path string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	m.Register(mux)
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return response.Code, strings.TrimSpace(response.Body.String())
}

func TestMonitor_Register(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	tests := []struct {
		name            string
		database, cache error
		drain           bool
		code            int
		body            string
	}{
		{"all reachable", nil, nil, false, 200, `{"status":"ready","dependencies":[{"name":"db","reached":true},{"name":"cache","reached":true,"optional":true}]}`},
		{"required dependency unreachable", down, nil, false, 503, `{"status":"unready","dependencies":[{"name":"db","reached":false},{"name":"cache","reached":true,"optional":true}]}`},
		{"optional dependency unreachable", nil, down, false, 200, `{"status":"degraded","dependencies":[{"name":"db","reached":true},{"name":"cache","reached":false,"optional":true}]}`},
		{"draining", nil, nil, true, 503, `{"status":"draining","dependencies":[{"name":"db","reached":true},{"name":"cache","reached":true,"optional":true}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := New(time.Second, slog.New(slog.DiscardHandler),
				Check{Name: "db", Probe: func(context.Context) error { return test.database }},
				Check{Name: "cache", Optional: true, Probe: func(context.Context) error { return test.cache }})
			m.round(t.Context())
			if test.drain {
				m.Drain()
			}
			if code, body := get(t, m, "/health"); code != test.code || body != test.body {
				t.Errorf("got %d %s\nwant %d %s", code, body, test.code, test.body)
			}
			if code, _ := get(t, m, "/health/live"); code != 200 {
				t.Errorf("liveness: got %d, want 200", code)
			}
		})
	}
}

func TestMonitor_Ready(t *testing.T) {
	t.Parallel()
	t.Run("is false before the first probe", func(t *testing.T) {
		t.Parallel()
		m := New(time.Second, slog.New(slog.DiscardHandler), Check{Name: "db", Probe: func(context.Context) error { return nil }})
		if m.Ready() {
			t.Error("ready before the first probe")
		}
	})
}

func TestMonitor_Run(t *testing.T) {
	t.Parallel()
	t.Run("detects recovery after hanging probes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			start := time.Now()
			m := New(time.Second, slog.New(slog.DiscardHandler), Check{Name: "db", Probe: func(ctx context.Context) error {
				if time.Since(start) < 5*time.Second {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}})
			var ready atomic.Bool
			m.Notify(ready.Store)
			go m.Run(ctx)
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if ready.Load() {
				t.Error("ready while the dependency hangs")
			}
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if !ready.Load() {
				t.Error("not ready although the dependency responds")
			}
			stop()
		})
	})
}
