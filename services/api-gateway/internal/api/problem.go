package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tkdeploy.dev/tiktok/internal/requestid"
)

// problem is an error response: RFC 9457, application/problem+json.
type problem struct {
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
	Errors    []fieldError `json:"errors,omitempty"`

	header http.Header
}

type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

func newProblem(status int, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail, header: http.Header{}}
}

func tooMany(wait time.Duration) *problem {
	p := newProblem(http.StatusTooManyRequests, "too many requests: try again later")
	p.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return p
}

func unauthenticated(challenge, detail string) *problem {
	p := newProblem(http.StatusUnauthorized, detail)
	p.header.Set("WWW-Authenticate", challenge)
	return p
}

func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	if !errors.As(err, &p) {
		p = fromStatus(err)
	}
	if p.Status >= http.StatusInternalServerError {
		a.Log.ErrorContext(r.Context(), "request failed", "error", err)
	}
	p.RequestID = requestid.From(r.Context())
	for name, values := range p.header {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil {
		a.Log.ErrorContext(r.Context(), "problem not encoded", "error", err)
	}
	write(w, p.Status, "application/problem+json", body)
}

// fromStatus converts a gRPC error. It shows only texts that are meant for
// clients.
func fromStatus(err error) *problem {
	reply := status.Convert(err)
	switch reply.Code() {
	case codes.InvalidArgument:
		p := newProblem(http.StatusUnprocessableEntity, "some fields are not valid")
		p.Errors = fieldErrors(reply)
		return p
	case codes.AlreadyExists:
		return newProblem(http.StatusConflict, reply.Message())
	case codes.Unauthenticated:
		return unauthenticated("Bearer", reply.Message())
	case codes.PermissionDenied:
		return newProblem(http.StatusForbidden, reply.Message())
	case codes.NotFound:
		return newProblem(http.StatusNotFound, reply.Message())
	case codes.Unavailable:
		p := newProblem(http.StatusServiceUnavailable, "a required service is unavailable: try again")
		p.header.Set("Retry-After", "1")
		return p
	case codes.DeadlineExceeded, codes.Canceled:
		return newProblem(http.StatusGatewayTimeout, "a required service did not respond in time")
	default:
		return newProblem(http.StatusInternalServerError, "internal error: search the logs for the request id")
	}
}

func fieldErrors(reply *status.Status) []fieldError {
	var list []fieldError
	for _, detail := range reply.Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				list = append(list, fieldError{Field: v.GetField(), Detail: v.GetDescription()})
			}
		}
	}
	return list
}
