// Package consumer takes events from Kafka, as one of the consumer group that
// all pods of the service are.
//
// An offset is committed after the database has committed the event, so a crash
// in between brings the event again, and never loses it.
package consumer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// Group is the consumer group's name.
const Group = "notification-service"

// Options make a client a member of the group. Whoever joins a new group starts
// with the oldest event.
func Options() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(Group),
		kgo.ConsumeTopics(events.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A pod that died without leaving keeps its partitions for so long: after a crash
		// of its node, or of the whole cluster. Kafka's own 45 s are for clients far away.
		kgo.SessionTimeout(10 * time.Second),
		kgo.BlockRebalanceOnPoll(), // nobody else gets a partition while its events are in hand
	}
}

// batch bounds how many events a transaction holds.
const batch = 500

// A Consumer gives events to Take. Use [New].
type Consumer struct {
	client   *kgo.Client
	take     func(context.Context, []events.Event) error
	retry    time.Duration
	log      *slog.Logger
	consumed *prometheus.CounterVec
}

// New makes a consumer of a client with [Options]. If take returns an error it
// is called again with the same events after retry; it must take events that
// come again for what they are.
func New(client *kgo.Client, take func(context.Context, []events.Event) error, retry time.Duration, log *slog.Logger, metrics prometheus.Registerer) *Consumer {
	c := &Consumer{client: client, take: take, retry: retry, log: log, consumed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "events_consumed_total", Help: "Records from Kafka, by result: taken, or skipped because they are no events.",
	}, []string{"result"})}
	metrics.MustRegister(c.consumed)
	return c
}

// Run consumes until ctx ends.
func (c *Consumer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, batch)
		fetches.EachError(func(topic string, partition int32, err error) {
			if ctx.Err() == nil {
				c.log.WarnContext(ctx, "events not fetched, trying again", "topic", topic, "partition", partition, "error", err)
			}
		})
		if records := fetches.Records(); len(records) > 0 {
			c.handle(ctx, records)
		}
		c.client.AllowRebalance()
	}
}

// handle returns when the records are taken and committed, or ctx ends.
func (c *Consumer) handle(ctx context.Context, records []*kgo.Record) {
	list := c.decode(ctx, records)
	last := ""
	for {
		err := c.try(ctx, list)
		if err == nil {
			break
		}
		if text := err.Error(); text != last && ctx.Err() == nil {
			c.log.WarnContext(ctx, "events not taken, trying again", "events", len(list), "error", err)
			last = text
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.retry):
		}
	}
	c.consumed.WithLabelValues("taken").Add(float64(len(list)))
	if err := c.client.CommitRecords(ctx, records...); err != nil && ctx.Err() == nil {
		c.log.WarnContext(ctx, "offsets not committed: the events come again", "error", err)
	}
}

// try bounds a database that hangs: the group waits for this consumer.
func (c *Consumer) try(ctx context.Context, list []events.Event) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.take(ctx, list)
}

// decode skips what is no event: it would be none the next time either.
func (c *Consumer) decode(ctx context.Context, records []*kgo.Record) []events.Event {
	list := make([]events.Event, 0, len(records))
	for _, record := range records {
		event, err := events.Decode(record.Value)
		if err == nil && valid(event) {
			list = append(list, event)
			continue
		}
		c.consumed.WithLabelValues("skipped").Inc()
		c.log.ErrorContext(ctx, "record is no event", "partition", record.Partition, "offset", record.Offset, "error", err)
	}
	return list
}

// valid says whether the ids are ids: others could be stored at no time.
func valid(e events.Event) bool {
	return refusal.IsUUID(e.ID) && refusal.IsUUID(e.Actor) && refusal.IsUUID(e.Video) && refusal.IsUUID(e.Owner) && refusal.Printable(string(e.Type), 1, 100)
}
