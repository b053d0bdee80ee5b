// Package redisdb configures Redis clients for all services.
package redisdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open returns a client for addr that connects on first use and reconnects when
// necessary.
//
// The library logs at debug level, because readiness already reports an
// unreachable Redis. Its logger is global, so call Open only from main.
//
// Commands are not retried. If only the response was lost, a retry could count a
// request twice or present a rotated token again.
func Open(addr, service string, log *slog.Logger) *redis.Client {
	redis.SetLogger(logger{log})
	return redis.NewClient(&redis.Options{
		Addr:                  addr,
		ClientName:            service,
		ContextTimeoutEnabled: true,
		DialTimeout:           time.Second,
		DialerRetries:         1,  // the next command tries again
		MaxRetries:            -1, // none
		// Maintenance notifications are a feature of Redis Enterprise.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Probe returns a readiness check.
func Probe(client *redis.Client) func(context.Context) error {
	return func(ctx context.Context) error { return client.Ping(ctx).Err() }
}

// Unreachable reports whether err is temporary and a retry may succeed.
func Unreachable(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || redis.IsLoadingError(err) || redis.IsReadOnlyError(err)
}

type logger struct{ log *slog.Logger }

func (l logger) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, v...))
}
