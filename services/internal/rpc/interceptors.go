package rpc

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// observe logs and measures each call except health checks.
func observe(log *slog.Logger, metrics prometheus.Registerer) grpc.UnaryServerInterceptor {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_server_handling_seconds", Help: "Duration of calls, by method and gRPC code.",
	}, []string{"method", "code"})
	metrics.MustRegister(seconds)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/"+healthpb.Health_ServiceDesc.ServiceName+"/") {
			return handle(ctx, request)
		}
		start := time.Now()
		reply, err := handle(ctx, request)
		code, elapsed := status.Code(err), time.Since(start)
		seconds.WithLabelValues(info.FullMethod, code.String()).Observe(elapsed.Seconds())
		log.LogAttrs(ctx, level(code), "call", slog.String("method", info.FullMethod),
			slog.String("code", code.String()), slog.Int64("elapsed_ms", elapsed.Milliseconds()), slog.Any("error", err))
		return reply, err
	}
}

// level is Error for the server's own failures.
func level(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Unimplemented, codes.Unavailable, codes.DeadlineExceeded:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// recoverPanics turns a panic into INTERNAL, as net/http does. One bad request
// must not end the others.
func recoverPanics(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (reply any, err error) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "panic", "method", info.FullMethod, "panic", p, "stack", string(debug.Stack()))
				err = status.Error(codes.Internal, "internal error")
			}
		}()
		return handle(ctx, request)
	}
}

// limitTime applies Timeout to calls with a later deadline or none.
func limitTime(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return handle(ctx, request)
}
