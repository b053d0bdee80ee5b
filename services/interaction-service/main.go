// Command interaction-service manages likes, comments and views, and publishes
// their events to Kafka. See services/README.md.
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

	"tkdeploy.dev/tiktok/interaction-service/internal/grpcapi"
	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/interaction-service/internal/relay"
	"tkdeploy.dev/tiktok/interaction-service/internal/store"
	"tkdeploy.dev/tiktok/interaction-service/internal/videoclient"
	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/kafka"
	"tkdeploy.dev/tiktok/internal/logs"
	"tkdeploy.dev/tiktok/internal/metrics"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/rpc"
	"tkdeploy.dev/tiktok/internal/server"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

const name = "interaction-service"

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
	video, err := rpc.Dial("dns:///"+set.videoAddr, videoclient.SafeToRetry)
	if err != nil {
		return err
	}
	defer func() { _ = video.Close() }()
	producer, err := kafka.Open(set.brokers, name, log)
	if err != nil {
		return err
	}
	defer producer.Close()

	schema := &postgres.Schema{Pool: pool, Name: store.Schema, Migrations: store.Migrations(), Retry: time.Second, Log: log}
	topic := &kafka.Topic{Client: producer, Name: events.Topic, Partitions: events.Partitions, Retry: time.Second, Log: log}
	registry := metrics.New()
	publisher := relay.New(store.Store{Pool: pool}, producer, time.Second, log, registry)
	return serve(ctx, schema, topic, publisher, newServer(set, log, registry, schema, topic, publisher, video))
}

// serve publishes events until the last request is finished. Otherwise its event
// would wait for the next pod.
func serve(ctx context.Context, schema *postgres.Schema, topic *kafka.Topic, publisher *relay.Relay, listeners *server.Server) error {
	group, ctx := errgroup.WithContext(ctx)
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { defer stop(); return listeners.Run(ctx) })
	group.Go(func() error {
		schema.Run(ctx)
		topic.Run(publishing)
		publisher.Run(publishing)
		return nil
	})
	return group.Wait()
}

func newServer(set settings, log *slog.Logger, registry *prometheus.Registry, schema *postgres.Schema, topic *kafka.Topic, publisher *relay.Relay, video *rpc.Conn) *server.Server {
	monitor := health.New(2*time.Second, log,
		health.Check{Name: "postgres", Probe: schema.Check},
		health.Check{Name: "kafka", Optional: true, Probe: topic.Check},              // events wait in the outbox
		health.Check{Name: "video-service", Optional: true, Probe: rpc.Probe(video)}) // reads work without it
	grpcServer, grpcHealth := rpc.NewServer(log, registry)
	interactionv1.RegisterInteractionServiceServer(grpcServer, &grpcapi.Server{Interactions: &interactions.Service{
		Store:  store.Store{Pool: schema.Pool},
		Videos: videoclient.Client{Service: videov1.NewVideoServiceClient(video)},
		Wake:   publisher.Wake,
	}})
	return &server.Server{
		HTTPPort: set.httpPort, HTTP: server.Operations(monitor, registry),
		GRPCPort: set.grpcPort, GRPC: grpcServer, GRPCHealth: grpcHealth,
		Health: monitor, Log: log, DrainFor: set.drain, StopWithin: 20 * time.Second,
	}
}
