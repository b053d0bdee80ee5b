// Package kubeerr classifies errors of Kubernetes API requests.
package kubeerr

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// IsResponse reports whether the API server sent the error. Other errors come
// from the connection.
func IsResponse(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// IsTransient reports whether repeating the request may succeed: the server did
// not respond, is overloaded or failed internally.
func IsTransient(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return apierrors.IsTooManyRequests(err) || status.Status().Code >= 500
}
