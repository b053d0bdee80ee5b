// Command api-gateway serves the public REST API. See services/README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"tkdeploy.dev/tiktok/api-gateway/internal/api"
	"tkdeploy.dev/tiktok/api-gateway/internal/ratelimit"
	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/logs"
	"tkdeploy.dev/tiktok/internal/metrics"
	"tkdeploy.dev/tiktok/internal/redisdb"
	"tkdeploy.dev/tiktok/internal/requestid"
	"tkdeploy.dev/tiktok/internal/server"
	"tkdeploy.dev/tiktok/internal/token"
)

const name = "api-gateway"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	if err := run(ctx, os.LookupEnv, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, lookup func(string) (string, bool), out io.Writer) error {
	env := config.New(lookup)
	log, set := logs.New(out, name, env), readSettings(env)
	if err := env.Err(); err != nil {
		return fmt.Errorf("read configuration:\n%w", err)
	}
	conns, err := dial(set)
	if err != nil {
		return err
	}
	defer conns.close()
	cache := redisdb.Open(set.redisAddr, name, log)
	defer func() { _ = cache.Close() }()
	return newServer(set, log, conns, cache).Run(ctx)
}

func newServer(set settings, log *slog.Logger, conns connections, cache *redis.Client) *server.Server {
	checks := append(conns.checks(),
		health.Check{Name: "redis", Optional: true, Probe: redisdb.Probe(cache)}) // without it the rate limit allows every request
	monitor := health.New(2*time.Second, log, checks...)
	registry := metrics.New()
	gateway := &api.API{
		Tokens:   token.Verifier{Secret: set.secret, Now: time.Now},
		Limit:    ratelimit.New(cache, set.rateLimit, set.rateWindow, registry),
		ClientOf: set.trusted.Of,
		Metrics:  api.NewMetrics(registry),
		Log:      log,
	}
	conns.setClients(gateway)
	mux := server.Operations(monitor, registry)
	gateway.Register(mux)
	return &server.Server{
		HTTPPort: set.httpPort, HTTP: requestid.HTTP(gateway.Fallback(mux)),
		Health: monitor, Log: log, DrainFor: set.drain, StopWithin: 20 * time.Second,
	}
}
