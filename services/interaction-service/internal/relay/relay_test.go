package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/interaction-service/internal/relay"
	"tkdeploy.dev/tiktok/interaction-service/internal/store"
	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/kafka"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/test/kafkatest"
	"tkdeploy.dev/tiktok/test/pgtest"
)

const (
	alice = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
)

var discard = slog.New(slog.DiscardHandler)

func view(t *testing.T, s store.Store, video int) {
	t.Helper()
	a := interactions.Action{User: bob, Owner: alice, Video: fmt.Sprintf("00000000-0000-4000-8000-%012x", video)}
	if err := s.View(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func setUp(t *testing.T) (store.Store, *kafkatest.Broker, *kgo.Client) {
	t.Helper()
	server, broker := pgtest.New(t), kafkatest.New(t)
	server.Start(t)
	broker.Start(t)
	pool, err := postgres.Open(t.Context(), server.Config, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	schema := &postgres.Schema{Pool: pool, Name: store.Schema, Migrations: store.Migrations(), Log: discard}
	client := broker.Client(t)
	topic := &kafka.Topic{Client: client, Name: events.Topic, Partitions: events.Partitions, Log: discard}
	if err := errors.Join(schema.Apply(t.Context()), topic.Create(t.Context())); err != nil {
		t.Fatal(err)
	}
	return store.Store{Pool: pool}, broker, client
}

// start runs a relay until stop or the end of the test.
func start(t *testing.T, outbox relay.Outbox, client *kgo.Client) (r *relay.Relay, stop func()) {
	t.Helper()
	r = relay.New(outbox, client, 50*time.Millisecond, discard, prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

func decode(t *testing.T, records []*kgo.Record) (list []events.Event) {
	t.Helper()
	for _, record := range records {
		event, err := events.Decode(record.Value)
		if err != nil || string(record.Key) != event.Video {
			t.Fatalf("got key %s, value %s, error %v, want the video id as key", record.Key, record.Value, err)
		}
		list = append(list, event)
	}
	return list
}

func waitUntilEmpty(t *testing.T, s store.Store) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for n := 1; n > 0; time.Sleep(20 * time.Millisecond) {
		if err := s.Pool.QueryRow(t.Context(), `SELECT count(*) FROM interaction.outbox`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %d unpublished events, want 0", n)
		}
	}
}

func TestRelay_Run(t *testing.T) {
	t.Parallel()
	t.Run("publishes each event once in order", func(t *testing.T) {
		t.Parallel()
		s, broker, client := setUp(t)
		for range 2 { // two pods
			r, _ := start(t, s, client)
			r.Wake()
		}
		const videos, each = 5, 10
		for range each {
			for v := range videos {
				view(t, s, v)
			}
		}
		waitUntilEmpty(t, s)
		seen, last := map[string]bool{}, map[string]time.Time{}
		for _, event := range decode(t, broker.Read(t, events.Topic, videos*each)) {
			if seen[event.ID] || event.Time.Before(last[event.Video]) {
				t.Errorf("repeated or out of order: %+v", event)
			}
			seen[event.ID], last[event.Video] = true, event.Time
		}
		if len(seen) != videos*each {
			t.Errorf("got %d events, want %d", len(seen), videos*each)
		}
	})

	t.Run("loses no event in a broker restart", func(t *testing.T) {
		t.Parallel()
		s, broker, client := setUp(t)
		start(t, s, client)
		view(t, s, 1)
		waitUntilEmpty(t, s)
		broker.Stop()
		view(t, s, 2) // accepted without a broker
		view(t, s, 2)
		broker.Start(t)
		view(t, s, 3)
		waitUntilEmpty(t, s)
		ids := map[string]bool{}
		for n := 4; len(ids) < 4; n++ { // an event sent while the broker stopped may be repeated
			for _, event := range decode(t, broker.Read(t, events.Topic, n)) {
				ids[event.ID] = true
			}
		}
	})

	t.Run("repeats an event after a crash", func(t *testing.T) {
		t.Parallel()
		s, broker, client := setUp(t)
		view(t, s, 1)
		c := crashing{s, make(chan struct{})}
		start(t, c, client)
		waitUntilEmpty(t, s)
		list := decode(t, broker.Read(t, events.Topic, 2))
		if len(list) != 2 || list[0] != list[1] {
			t.Errorf("got %+v, want the same event twice", list)
		}
	})
}

// crashing fails once between sending events and removing them.
type crashing struct {
	store.Store
	crashed chan struct{}
}

func (c crashing) Publish(ctx context.Context, send func(context.Context, []events.Event) ([]string, error)) (bool, error) {
	return c.Store.Publish(ctx, func(ctx context.Context, list []events.Event) ([]string, error) {
		sent, err := send(ctx, list)
		select {
		case <-c.crashed:
			return sent, err
		default:
		}
		if len(sent) > 0 {
			close(c.crashed)
		}
		return nil, errors.Join(err, errors.New("crash"))
	})
}
