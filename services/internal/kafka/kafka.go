// Package kafka configures Kafka clients for all services.
package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Open returns a client that connects on first use and reconnects when
// necessary.
//
// Records are acknowledged by all in-sync replicas. Retries of the client
// neither duplicate nor reorder them. A record that fails because its context
// ended may have been written, and producing it again duplicates it. Records
// must therefore carry an id.
//
// The client logs at debug level, because readiness already reports an
// unreachable Kafka.
func Open(brokers []string, service string, log *slog.Logger, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(brokers...),
		kgo.ClientID(service),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.AllowIdempotentProduceCancellation(),
		kgo.ProducerLinger(0),
		kgo.DialTimeout(3 * time.Second),
		kgo.MetadataMinAge(time.Second), // find moved brokers soon
		kgo.WithLogger(logger{log}),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("create Kafka client: %w", err)
	}
	return client, nil
}

type logger struct{ log *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

func (l logger) Log(_ kgo.LogLevel, message string, keyvals ...any) {
	l.log.Debug("kafka: "+message, keyvals...)
}
