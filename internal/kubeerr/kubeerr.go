// Package kubeerr classifies Kubernetes API errors.
package kubeerr

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

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
