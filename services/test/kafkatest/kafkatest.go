// Package kafkatest runs a private in-process Kafka broker for a test.
package kafkatest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/internal/kafka"
)

// Broker is a broker that can be restarted with its data.
type Broker struct {
	Addr string

	port    int
	data    string
	Cluster *kfake.Cluster // nil while the broker is stopped
}

// New reserves an address without starting the broker.
func New(t *testing.T) *Broker {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("got address %s, want a TCP address", listener.Addr())
	}
	b := &Broker{Addr: fmt.Sprintf("127.0.0.1:%d", address.Port), port: address.Port, data: t.TempDir()}
	t.Cleanup(b.Stop)
	return b
}

// Start starts the broker.
func (b *Broker) Start(t *testing.T) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(b.port), kfake.DataDir(b.data), kfake.SyncWrites())
	if err != nil {
		t.Fatal(err)
	}
	b.Cluster = cluster
}

// Stop stops the broker, if it is running.
func (b *Broker) Stop() {
	if b.Cluster != nil {
		b.Cluster.Close()
		b.Cluster = nil
	}
}

// Client returns a client that is closed when the test ends.
func (b *Broker) Client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kafka.Open([]string{b.Addr}, "test", slog.New(slog.DiscardHandler), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Read waits for and returns the first n or more records of a topic.
func (b *Broker) Read(t *testing.T, topic string, n int) []*kgo.Record {
	t.Helper()
	client := b.Client(t, kgo.ConsumeTopics(topic))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("topic %s: got %d records, want %d", topic, len(records), n)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}
