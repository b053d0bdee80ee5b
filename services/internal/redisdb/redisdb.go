// Package redisdb opens the Redis client in the same way for every service.
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

// Open makes a client for addr, a host:port. It connects when it is used, and
// again whenever a connection is lost.
//
// What the library itself has to say goes to log, below the usual level: the
// readiness check already tells that Redis is away. The library has one logger
// for the process, so Open is for main.
//
// Commands obey their context's deadline and are sent once: repeating one whose
// answer was lost could count a request twice or take a rotated token for stolen.
func Open(addr, service string, log *slog.Logger) *redis.Client {
	redis.SetLogger(logger{log})
	return redis.NewClient(&redis.Options{
		Addr:                  addr,
		ClientName:            service,
		ContextTimeoutEnabled: true,
		DialTimeout:           time.Second,
		DialerRetries:         1,  // tries; the next command tries again
		MaxRetries:            -1, // none
		// Announcements of maintenance are a feature of Redis Enterprise.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Probe returns a readiness check.
func Probe(client *redis.Client) func(context.Context) error {
	return func(ctx context.Context) error { return client.Ping(ctx).Err() }
}

// Unreachable says whether err means that Redis is away for now, so that a later
// try may succeed.
func Unreachable(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || redis.IsLoadingError(err) || redis.IsReadOnlyError(err)
}

// logger is what the library writes its messages to.
type logger struct{ log *slog.Logger }

func (l logger) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, v...))
}
