// Command auth-service manages accounts and sessions. See services/README.md.
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

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	"tkdeploy.dev/tiktok/auth-service/internal/grpcapi"
	"tkdeploy.dev/tiktok/auth-service/internal/password"
	"tkdeploy.dev/tiktok/auth-service/internal/sessions"
	"tkdeploy.dev/tiktok/auth-service/internal/users"
	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/logs"
	"tkdeploy.dev/tiktok/internal/metrics"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/redisdb"
	"tkdeploy.dev/tiktok/internal/rpc"
	"tkdeploy.dev/tiktok/internal/server"
	"tkdeploy.dev/tiktok/internal/token"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

const name = "auth-service"

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
	pool, err := postgres.Open(ctx, set.database, name)
	if err != nil {
		return err
	}
	defer pool.Close()
	cache := redisdb.Open(set.redisAddr, name, log)
	defer func() { _ = cache.Close() }()

	schema := &postgres.Schema{Pool: pool, Name: users.Schema, Migrations: users.Migrations(), Retry: time.Second, Log: log}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { schema.Run(ctx); return nil })
	group.Go(func() error { return newServer(set, log, pool, cache, schema).Run(ctx) })
	return group.Wait()
}

func newServer(set settings, log *slog.Logger, pool *pgxpool.Pool, cache *redis.Client, schema *postgres.Schema) *server.Server {
	monitor := health.New(2*time.Second, log,
		health.Check{Name: "postgres", Probe: schema.Check},
		health.Check{Name: "redis", Probe: redisdb.Probe(cache)})
	registry := metrics.New()
	grpcServer, grpcHealth := rpc.NewServer(log, registry)
	authv1.RegisterAuthServiceServer(grpcServer, &grpcapi.Server{Accounts: &accounts.Service{
		Users:     users.Store{Pool: pool},
		Sessions:  sessions.Store{Redis: cache, TTL: set.refreshTTL},
		Passwords: password.New(),
		Signer:    token.Signer{Secret: set.secret, TTL: set.accessTTL, Now: time.Now},
		AccessTTL: set.accessTTL,
	}})
	return &server.Server{
		HTTPPort: set.httpPort, HTTP: server.Operations(monitor, registry),
		GRPCPort: set.grpcPort, GRPC: grpcServer, GRPCHealth: grpcHealth,
		Health: monitor, Log: log, DrainFor: set.drain, StopWithin: 20 * time.Second,
	}
}
