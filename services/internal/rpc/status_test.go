package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/internal/refusal"
	"tkdeploy.dev/tiktok/internal/rpc"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	t.Run("maps errors to codes", func(t *testing.T) {
		t.Parallel()
		errAway := errors.New("away")
		tests := []struct {
			name string
			err  error
			want codes.Code
		}{
			{"not found", refusal.New(refusal.NotFound, "x"), codes.NotFound},
			{"another user's video", fmt.Errorf("delete: %w", refusal.New(refusal.Forbidden, "x")), codes.PermissionDenied},
			{"canceled caller", fmt.Errorf("find: %w", context.Canceled), codes.Canceled},
			{"deadline exceeded", fmt.Errorf("find: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
			{"unreachable store", fmt.Errorf("find: %w", errAway), codes.Unavailable},
			{"unavailable service", fmt.Errorf("call: %w", status.Error(codes.Unavailable, "x")), codes.Unavailable},
			{"rejected call to a service", fmt.Errorf("call: %w", status.Error(codes.InvalidArgument, "x")), codes.Internal},
			{"other error", errors.New("x"), codes.Internal},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				got := rpc.Status(test.err, func(err error) bool { return errors.Is(err, errAway) })
				if status.Code(got) != test.want {
					t.Errorf("got %v, want %s", got, test.want)
				}
			})
		}
	})

	t.Run("lists invalid fields in the details", func(t *testing.T) {
		t.Parallel()
		var fields refusal.Fields
		fields.Check(false, "title", "must be set")
		reply := status.Convert(rpc.Status(fields.Err()))
		if reply.Code() != codes.InvalidArgument || len(reply.Details()) != 1 {
			t.Fatalf("got %v, want InvalidArgument with one detail", reply)
		}
		bad, ok := reply.Details()[0].(*errdetails.BadRequest)
		if !ok || bad.GetFieldViolations()[0].GetField() != "title" {
			t.Errorf("got details %v, want a violation of title", reply.Details())
		}
	})
}
