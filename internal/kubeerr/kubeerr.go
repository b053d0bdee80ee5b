// Package kubeerr classifies Kubernetes API errors.
package kubeerr

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// unavailableHint is the hint of an error that proves nothing.
const unavailableHint = "check that the cluster is running, then run the command again"

// IsResponse reports whether the API server sent the error.
func IsResponse(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// IsTransient reports whether a retry may succeed: the server was unavailable,
// overloaded or failing.
func IsTransient(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return apierrors.IsTooManyRequests(err) || status.Status().Code >= 500
}

// IsUnavailable reports whether the error proves nothing about the request: the API
// server did not respond in time, closed the connection, was overloaded or had lost
// its database. A webhook that fails is not the API server.
func IsUnavailable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code >= 500 && !strings.Contains(status.Status().Message, "webhook")
	}
	var request *url.Error
	var connection *net.OpError
	var late net.Error // also context.DeadlineExceeded; a full disk is a net.Error, too
	return errors.As(err, &request) && request.Op != "parse" || errors.As(err, &connection) ||
		errors.As(err, &late) && late.Timeout() || errors.Is(err, io.ErrUnexpectedEOF)
}

// Classify returns err with a class, unless it has one or is [context.Canceled]:
// [fault.Inconclusive] if [IsUnavailable], otherwise class.
func Classify(class fault.Class, err error) error {
	switch {
	case err == nil, fault.ClassOf(err) != "", errors.Is(err, context.Canceled):
		return err
	case IsUnavailable(err):
		return fault.New(fault.Inconclusive, err, unavailableHint)
	}
	return fault.New(class, err, "")
}
