// Package consumer consumes events from Kafka. All pods form one consumer group.
//
// An offset is committed after the database. A crash in between repeats the
// event, but never loses it.
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

// Group is the consumer group.
const Group = "notification-service"

// Options makes a client a member of the group. A new group starts at the oldest
// event.
func Options() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(Group),
		kgo.ConsumeTopics(events.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A crashed pod keeps its partitions for this long. Kafka's default of
		// 45s is meant for distant clients.
		kgo.SessionTimeout(10 * time.Second),
		kgo.BlockRebalanceOnPoll(), // no rebalance while events are processed
	}
}

// batch is the maximum number of events in a transaction.
const batch = 500

// Consumer passes events to a function. Use [New].
type Consumer struct {
	client   *kgo.Client
	take     func(context.Context, []events.Event) error
	retry    time.Duration
	log      *slog.Logger
	consumed *prometheus.CounterVec
}

// New returns a Consumer for a client with [Options]. take is retried with the
// same events after a failure and must tolerate repeated events.
func New(client *kgo.Client, take func(context.Context, []events.Event) error, retry time.Duration, log *slog.Logger, metrics prometheus.Registerer) *Consumer {
	c := &Consumer{client: client, take: take, retry: retry, log: log, consumed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "events_consumed_total", Help: "Records from Kafka, by result: taken, or skipped because they are not valid events.",
	}, []string{"result"})}
	metrics.MustRegister(c.consumed)
	return c
}

// Run consumes until ctx is done.
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

// handle returns when the records are committed or ctx is done.
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
		c.log.WarnContext(ctx, "offsets not committed: the events will be delivered again", "error", err)
	}
}

// try limits the time of take, because a rebalance waits for this consumer.
func (c *Consumer) try(ctx context.Context, list []events.Event) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.take(ctx, list)
}

// decode skips invalid records, which a retry cannot fix.
func (c *Consumer) decode(ctx context.Context, records []*kgo.Record) []events.Event {
	list := make([]events.Event, 0, len(records))
	for _, record := range records {
		event, err := events.Decode(record.Value)
		if err == nil && valid(event) {
			list = append(list, event)
			continue
		}
		c.consumed.WithLabelValues("skipped").Inc()
		c.log.ErrorContext(ctx, "record is not an event", "partition", record.Partition, "offset", record.Offset, "error", err)
	}
	return list
}

// valid rejects events that can never be stored.
func valid(e events.Event) bool {
	return refusal.IsUUID(e.ID) && refusal.IsUUID(e.Actor) && refusal.IsUUID(e.Video) && refusal.IsUUID(e.Owner) && refusal.Printable(string(e.Type), 1, 100)
}
