package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/kafka"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/notification-service/internal/consumer"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
	"tkdeploy.dev/tiktok/notification-service/internal/store"
	"tkdeploy.dev/tiktok/test/kafkatest"
	"tkdeploy.dev/tiktok/test/pgtest"
)

const (
	alice = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
)

var discard = slog.New(slog.DiscardHandler)

// fixture is a real database and a broker, with a producer of events.
type fixture struct {
	service  *notifications.Service
	broker   *kafkatest.Broker
	producer *kgo.Client
}

func setUp(t *testing.T) *fixture {
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
	producer := broker.Client(t)
	topic := &kafka.Topic{Client: producer, Name: events.Topic, Partitions: events.Partitions, Log: discard}
	if err := errors.Join(schema.Apply(t.Context()), topic.Create(t.Context())); err != nil {
		t.Fatal(err)
	}
	return &fixture{service: &notifications.Service{Store: store.Store{Pool: pool}}, broker: broker, producer: producer}
}

func (w *fixture) send(t *testing.T, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		value, err := events.Encode(events.Event{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Type: events.Liked, Actor: bob, Owner: alice,
			Video: fmt.Sprintf("00000000-0000-4000-8000-%012d", n%5), Time: time.UnixMicro(1767323045000000),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.sendValue(t, value)
	}
}

func (w *fixture) sendValue(t *testing.T, value []byte) {
	t.Helper()
	if err := w.producer.ProduceSync(t.Context(), &kgo.Record{Topic: events.Topic, Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// start runs a consumer until stop or the end of the test.
func (w *fixture) start(t *testing.T, take func(context.Context, []events.Event) error, opts ...kgo.Opt) (stop func()) {
	t.Helper()
	client := w.broker.Client(t, append(consumer.Options(), opts...)...)
	c := consumer.New(client, take, 20*time.Millisecond, discard, prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done; client.CloseAllowingRebalance() })
	t.Cleanup(stop)
	return stop
}

func (w *fixture) waitFor(t *testing.T, n int64) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		got, err := w.service.Store.Unread(t.Context(), alice)
		if err != nil {
			t.Fatal(err)
		}
		if got == n {
			return
		}
		if got > n || time.Now().After(deadline) {
			t.Fatalf("got %d notifications, want %d", got, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestConsumer_Run(t *testing.T) {
	t.Parallel()
	t.Run("notifies once per event", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.send(t, 1, 2, 2, 1)
		w.sendValue(t, []byte("no JSON"))
		w.sendValue(t, []byte(`{"id":"no UUID","type":"liked"}`))
		w.send(t, 3, 1)
		w.start(t, w.service.Take)
		w.waitFor(t, 3)
	})

	t.Run("survives a broker restart", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.start(t, w.service.Take)
		w.send(t, 1, 2)
		w.waitFor(t, 2)
		w.broker.Stop()
		w.broker.Start(t)
		w.send(t, 3, 4)
		w.waitFor(t, 4)
	})

	t.Run("retries events after a failure", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.send(t, 1)
		failures := 3
		w.start(t, func(ctx context.Context, list []events.Event) error {
			if failures--; failures >= 0 {
				return errors.New("away")
			}
			return w.service.Take(ctx, list)
		})
		w.waitFor(t, 1)
	})

	t.Run("repeats uncommitted events after a crash", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.send(t, 1, 2)
		stored := make(chan struct{})
		once := sync.OnceFunc(func() { close(stored) })
		stop := w.start(t, func(ctx context.Context, list []events.Event) error {
			err := errors.Join(w.service.Take(ctx, list), errors.New("crash"))
			once()
			return err // prevents the commit
		})
		<-stored
		stop()
		var mu sync.Mutex
		again := map[string]int{}
		w.start(t, func(ctx context.Context, list []events.Event) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range list {
				again[e.ID]++
			}
			return w.service.Take(ctx, list)
		})
		deadline := time.Now().Add(30 * time.Second)
		for n := 0; n < 2; time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			n = len(again)
			mu.Unlock()
			if time.Now().After(deadline) {
				t.Fatalf("got %d repeated events, want 2", n)
			}
		}
		w.waitFor(t, 2)
	})

	t.Run("replaces a dead pod within seconds", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		var old network
		w.start(t, w.service.Take, kgo.Dialer(old.dial))
		w.send(t, 1)
		w.waitFor(t, 1)
		old.end()
		w.start(t, w.service.Take)
		w.send(t, 2, 3, 4)
		w.waitFor(t, 4) // much sooner than Kafka's default session timeout of 45s
	})

	t.Run("takes over from a stopped pod", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		stop := w.start(t, w.service.Take)
		w.start(t, w.service.Take)
		var numbers []int
		for n := 1; n <= 60; n++ {
			numbers = append(numbers, n)
		}
		w.send(t, numbers[:30]...)
		stop()
		w.send(t, numbers[30:]...)
		w.waitFor(t, 60)
	})
}

// network can be cut, as in a node crash.
type network struct {
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, kind, address)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil && n.cut {
		return nil, errors.Join(errors.New("network cut"), conn.Close())
	}
	n.conns = append(n.conns, conn)
	return conn, err
}

func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = true
	for _, conn := range n.conns {
		_ = conn.Close()
	}
}
