// Package logs configures structured logging, one JSON object per line.
package logs

import (
	"context"
	"io"
	"log/slog"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/requestid"
)

// New returns a logger that writes to w at the level of LOG_LEVEL (debug, info,
// warn or error; default info). Each line has the service name and, if the context
// has one, the request id.
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
