package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
)

func TestToStatus(t *testing.T) {
	t.Parallel()
	t.Run("maps errors to codes", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			name string
			err  error
			want codes.Code
		}{
			{"taken email", &accounts.TakenError{Field: "email"}, codes.AlreadyExists},
			{"denied", accounts.ErrDenied, codes.Unauthenticated},
			{"no such user", accounts.ErrNotFound, codes.NotFound},
			{"canceled caller", fmt.Errorf("find user: %w", context.Canceled), codes.Canceled},
			{"deadline exceeded", fmt.Errorf("find user: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
			{"refused connection", fmt.Errorf("open session: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), codes.Unavailable},
			{"database shutdown", &pgconn.PgError{Code: "57P01"}, codes.Unavailable},
			{"invalid query", &pgconn.PgError{Code: "42601"}, codes.Internal},
			{"other error", errors.New("x"), codes.Internal},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				if got := status.Code(toStatus(test.err)); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		}
	})

	t.Run("lists invalid fields in the details", func(t *testing.T) {
		t.Parallel()
		err := toStatus(&accounts.InvalidError{Fields: []accounts.FieldError{{Field: "email", Problem: "must be an email address"}}})
		reply := status.Convert(err)
		if reply.Code() != codes.InvalidArgument || len(reply.Details()) != 1 {
			t.Fatalf("got %v with %d details, want InvalidArgument with 1", err, len(reply.Details()))
		}
		bad, ok := reply.Details()[0].(*errdetails.BadRequest)
		if !ok || bad.GetFieldViolations()[0].GetField() != "email" {
			t.Errorf("got details %v, want a violation of email", reply.Details())
		}
	})
}
