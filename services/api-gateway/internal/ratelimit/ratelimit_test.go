package ratelimit_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tkdeploy.dev/tiktok/api-gateway/internal/ratelimit"
	"tkdeploy.dev/tiktok/internal/redisdb"
)

func setUp(t *testing.T, limit int) (*ratelimit.Limiter, *miniredis.Miniredis, *prometheus.Registry) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redisdb.Open(server.Addr(), "test", slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = client.Close() })
	registry := prometheus.NewRegistry()
	return ratelimit.New(client, limit, time.Minute, registry), server, registry
}

func TestLimiter_Take(t *testing.T) {
	t.Parallel()
	t.Run("limits each client in each window", func(t *testing.T) {
		t.Parallel()
		limiter, server, _ := setUp(t, 2)
		take := func(client string, allowed bool) {
			t.Helper()
			wait := limiter.Take(t.Context(), client)
			if (wait == 0) != allowed || wait > time.Minute {
				t.Errorf("client %s: got wait %s, want allowed %t", client, wait, allowed)
			}
		}
		take("a", true)
		take("a", true)
		take("a", false)
		take("b", true)
		server.FastForward(time.Minute)
		take("a", true)
	})

	t.Run("allows and counts requests without Redis", func(t *testing.T) {
		t.Parallel()
		limiter, server, registry := setUp(t, 1)
		server.Close()
		for range 3 {
			if wait := limiter.Take(t.Context(), "a"); wait != 0 {
				t.Errorf("got wait %s, want 0", wait)
			}
		}
		collected, err := testutil.GatherAndCount(registry, "rate_limit_failed_open_total")
		if err != nil || collected != 1 {
			t.Fatalf("got %d metrics, %v, want 1", collected, err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if got := families[0].GetMetric()[0].GetCounter().GetValue(); got != 3 {
			t.Errorf("got count %g, want 3", got)
		}
	})
}
