package grpcapi

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/redisdb"
)

// toStatus converts an error to a gRPC status. It keeps internal texts for the
// logs of the callers. The gateway does not show them.
func toStatus(err error) error {
	var invalid *accounts.InvalidError
	var taken *accounts.TakenError
	switch {
	case errors.As(err, &invalid):
		return invalidStatus(invalid)
	case errors.As(err, &taken):
		return status.Error(codes.AlreadyExists, taken.Error())
	case errors.Is(err, accounts.ErrDenied):
		return status.Error(codes.Unauthenticated, err.Error())
	case errors.Is(err, accounts.ErrNotFound):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case postgres.Unreachable(err), redisdb.Unreachable(err):
		return status.Error(codes.Unavailable, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}

func invalidStatus(invalid *accounts.InvalidError) error {
	details := &errdetails.BadRequest{}
	for _, f := range invalid.Fields {
		details.FieldViolations = append(details.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Field, Description: f.Problem})
	}
	withDetails, err := status.New(codes.InvalidArgument, invalid.Error()).WithDetails(details)
	if err != nil {
		return status.Error(codes.InvalidArgument, invalid.Error())
	}
	return withDetails.Err()
}
