// Package logs configures JSON logs.
package logs

import (
	"context"
	"io"
	"log/slog"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/requestid"
)

// New returns a logger with the level of LOG_LEVEL (default info). Each line has
// the service name and the request id of its context, if any.
func New(w io.Writer, service string, env *config.Env) *slog.Logger {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: env.LogLevel("LOG_LEVEL")})
	return slog.New(withRequestID{handler}).With("service", service)
}

type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, record slog.Record) error {
	if id := requestid.From(ctx); id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}
