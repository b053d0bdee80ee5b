package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is a topic that a service needs. The first service to start creates it.
type Topic struct {
	Client     *kgo.Client
	Name       string
	Partitions int32
	Retry      time.Duration // between attempts of Run
	Log        *slog.Logger
}

// timeout limits one attempt. The client itself would retry for longer.
const timeout = 5 * time.Second

// Run creates the topic, and retries until it exists or ctx is done.
func (t *Topic) Run(ctx context.Context) {
	for first := true; ; first = false {
		err := t.Create(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if first {
			t.Log.WarnContext(ctx, "topic not created, trying again", "topic", t.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(t.Retry):
		}
	}
}

// Create creates the topic, if it does not exist, with the brokers' default
// replication factor.
func (t *Topic) Create(ctx context.Context) error {
	const brokersDefault = -1
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := kadm.NewClient(t.Client).CreateTopic(ctx, t.Partitions, brokersDefault, nil, t.Name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	}
	return nil
}

// Check is a readiness probe. Every partition must have a leader.
func (t *Topic) Check(ctx context.Context) error {
	topics, err := kadm.NewClient(t.Client).ListTopics(ctx, t.Name)
	if err != nil {
		return err
	}
	topic := topics[t.Name]
	if topic.Err != nil {
		return fmt.Errorf("topic %s: %w", t.Name, topic.Err)
	}
	for _, partition := range topic.Partitions {
		if partition.Err != nil {
			return fmt.Errorf("topic %s, partition %d: %w", t.Name, partition.Partition, partition.Err)
		}
	}
	return nil
}
