// Package relay publishes the outbox's events to Kafka.
//
// Events are sent before they are removed. A crash in between repeats an event,
// with the same id, but never loses it.
package relay

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"tkdeploy.dev/tiktok/internal/events"
)

// timeout is longer than a broker restart, because giving up can send an event
// twice.
const timeout = 15 * time.Second

// Outbox holds the events. See store.Store.
type Outbox interface {
	Publish(ctx context.Context, send func(context.Context, []events.Event) (sent []string, err error)) (worked bool, err error)
}

// Relay publishes events. Use [New].
type Relay struct {
	outbox    Outbox
	producer  *kgo.Client
	interval  time.Duration
	log       *slog.Logger
	wake      chan struct{}
	published prometheus.Counter
	failures  prometheus.Counter
}

// New returns a Relay that checks for events when woken and every interval. The
// interval covers failed events and those of other pods.
func New(outbox Outbox, producer *kgo.Client, interval time.Duration, log *slog.Logger, metrics prometheus.Registerer) *Relay {
	r := &Relay{
		outbox: outbox, producer: producer, interval: interval, log: log, wake: make(chan struct{}, 1),
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "outbox_events_published_total", Help: "Events that Kafka has acknowledged.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "outbox_publish_failures_total", Help: "Failed attempts to publish, which are retried.",
		}),
	}
	metrics.MustRegister(r.published, r.failures)
	return r
}

// Wake signals that there may be events. It does not block.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // already signaled
	}
}

// Run publishes until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	last := ""
	for ctx.Err() == nil {
		worked, err := r.outbox.Publish(ctx, r.send)
		if err != nil && ctx.Err() == nil {
			r.failures.Inc()
			if text := err.Error(); text != last {
				r.log.WarnContext(ctx, "events not published, trying again", "error", err)
				last = text
			}
		}
		if err == nil {
			last = ""
			if worked {
				continue // there may be more
			}
		}
		r.wait(ctx, err != nil)
	}
}

// wait ignores Wake after a failure, which another action does not fix.
func (r *Relay) wait(ctx context.Context, failed bool) {
	wake := r.wake
	if failed {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-wake:
	case <-time.After(r.interval):
	}
}

// send returns the ids of the acknowledged events.
func (r *Relay) send(ctx context.Context, list []events.Event) ([]string, error) {
	records, ids := make([]*kgo.Record, len(list)), make(map[*kgo.Record]string, len(list))
	for i, event := range list {
		value, err := events.Encode(event)
		if err != nil {
			return nil, err
		}
		records[i] = &kgo.Record{Topic: events.Topic, Key: []byte(event.Video), Value: value, Timestamp: event.Time}
		ids[records[i]] = event.ID
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	results := r.producer.ProduceSync(ctx, records...)
	var sent []string
	for _, result := range results {
		if result.Err == nil {
			sent = append(sent, ids[result.Record])
		}
	}
	r.published.Add(float64(len(sent)))
	return sent, results.FirstErr()
}
