package kafka_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/internal/kafka"
	"tkdeploy.dev/tiktok/test/kafkatest"
)

func newTopic(client *kgo.Client) *kafka.Topic {
	return &kafka.Topic{Client: client, Name: "things", Partitions: 3, Retry: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
}

func TestTopic_Run(t *testing.T) {
	t.Parallel()
	t.Run("creates the topic when Kafka starts", func(t *testing.T) {
		t.Parallel()
		broker := kafkatest.New(t)
		topic := newTopic(broker.Client(t))
		done := make(chan struct{})
		go func() { topic.Run(t.Context()); close(done) }()
		away, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := topic.Check(away); err == nil {
			t.Error("ready without Kafka")
		}
		broker.Start(t)
		<-done
		for range 2 { // an existing topic is no error
			if err := topic.Create(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := topic.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if got := len(broker.Cluster.PartitionInfos("things")); got != 3 {
			t.Errorf("got %d partitions, want 3", got)
		}
	})
}

func TestTopic_Check(t *testing.T) {
	t.Parallel()
	t.Run("fails if the topic is missing", func(t *testing.T) {
		t.Parallel()
		broker := kafkatest.New(t)
		broker.Start(t)
		if err := newTopic(broker.Client(t)).Check(t.Context()); err == nil {
			t.Error("ready without the topic")
		}
	})
}
