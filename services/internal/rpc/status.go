package rpc

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/internal/refusal"
)

// Status converts a domain error to a gRPC status: a [refusal.Error] by its
// kind, an error that away recognizes to UNAVAILABLE. It passes on the codes of
// the service's own calls that mean the same to the caller. It keeps internal
// texts for the logs of the callers. The gateway does not show them.
func Status(err error, away ...func(error) bool) error {
	var refused *refusal.Error
	if errors.As(err, &refused) {
		return refusalStatus(refused)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	for _, is := range away {
		if is(err) {
			return status.Error(codes.Unavailable, err.Error())
		}
	}
	if reply, ok := status.FromError(err); ok && passedOn(reply.Code()) {
		return status.Error(reply.Code(), err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}

// passedOn reports whether the code of a call means the same to this service's
// caller.
func passedOn(code codes.Code) bool {
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Canceled
}

func refusalStatus(refused *refusal.Error) error {
	code := map[refusal.Kind]codes.Code{
		refusal.Invalid: codes.InvalidArgument, refusal.NotFound: codes.NotFound, refusal.Forbidden: codes.PermissionDenied,
	}[refused.Kind]
	if refused.Kind != refusal.Invalid {
		return status.Error(code, refused.Text)
	}
	details := &errdetails.BadRequest{}
	for _, f := range refused.Fields {
		details.FieldViolations = append(details.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Name, Description: f.Problem})
	}
	withDetails, err := status.New(code, refused.Text).WithDetails(details)
	if err != nil {
		return status.Error(code, refused.Text)
	}
	return withDetails.Err()
}
