package requestid

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// UnaryServer reads the id from the call's metadata, or creates one.
func UnaryServer(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	id := ""
	if values := metadata.ValueFromIncomingContext(ctx, Header); len(values) > 0 {
		id = values[0]
	}
	return handle(With(ctx, id), request)
}

// UnaryClient adds the context's id to the call's metadata.
func UnaryClient(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if id := From(ctx); id != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, Header, id)
	}
	return invoke(ctx, method, request, reply, conn, opts...)
}
