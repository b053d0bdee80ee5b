// Package kafka opens clients of Apache Kafka in the same way for every service.
package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Open makes a client, which connects when it is used, and again whenever a
// connection is lost.
//
// What it produces is acknowledged by all in-sync replicas, and its own retries
// neither double nor reorder a record. A record fails when its context ends: it
// may have been written all the same, and producing it again doubles it, so it
// must carry an id that consumers know it by.
//
// What the library itself has to say goes to log, below the usual level: the
// readiness check already tells that Kafka is away.
func Open(brokers []string, service string, log *slog.Logger, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(brokers...),
		kgo.ClientID(service),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.AllowIdempotentProduceCancellation(),
		kgo.ProducerLinger(0),
		kgo.DialTimeout(3 * time.Second),
		kgo.MetadataMinAge(time.Second), // a broker that moved is found soon
		kgo.WithLogger(logger{log}),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	return client, nil
}

// logger is what the library writes its messages to.
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
