// Command notification-service turns events from Kafka into notifications. See
// services/README.md.
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

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/kafka"
	"tkdeploy.dev/tiktok/internal/logs"
	"tkdeploy.dev/tiktok/internal/metrics"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/rpc"
	"tkdeploy.dev/tiktok/internal/server"
	"tkdeploy.dev/tiktok/notification-service/internal/consumer"
	"tkdeploy.dev/tiktok/notification-service/internal/grpcapi"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
	"tkdeploy.dev/tiktok/notification-service/internal/store"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
)

const name = "notification-service"

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
	client, err := kafka.Open(set.brokers, name, log, consumer.Options()...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance() // leaves the group at once, for other pods to take over

	schema := &postgres.Schema{Pool: pool, Name: store.Schema, Migrations: store.Migrations(), Retry: time.Second, Log: log}
	topic := &kafka.Topic{Client: client, Name: events.Topic, Partitions: events.Partitions, Retry: time.Second, Log: log}
	registry := metrics.New()
	service := &notifications.Service{Store: store.Store{Pool: pool}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		schema.Run(ctx)
		topic.Run(ctx)
		consumer.New(client, service.Take, time.Second, log, registry).Run(ctx)
		return nil
	})
	group.Go(func() error { return newServer(set, log, registry, schema, topic, service).Run(ctx) })
	return group.Wait()
}

func newServer(set settings, log *slog.Logger, registry *prometheus.Registry, schema *postgres.Schema, topic *kafka.Topic, service *notifications.Service) *server.Server {
	monitor := health.New(2*time.Second, log,
		health.Check{Name: "postgres", Probe: schema.Check},
		health.Check{Name: "kafka", Probe: topic.Check})
	grpcServer, grpcHealth := rpc.NewServer(log, registry)
	notificationv1.RegisterNotificationServiceServer(grpcServer, &grpcapi.Server{Notifications: service})
	return &server.Server{
		HTTPPort: set.httpPort, HTTP: server.Operations(monitor, registry),
		GRPCPort: set.grpcPort, GRPC: grpcServer, GRPCHealth: grpcHealth,
		Health: monitor, Log: log, DrainFor: set.drain, StopWithin: 20 * time.Second,
	}
}
