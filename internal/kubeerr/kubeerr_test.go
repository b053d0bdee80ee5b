package kubeerr

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestIsTransient(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	tests := []struct {
		name                string
		err                 error
		transient, response bool
	}{
		{"connection refused", errors.New("connection refused"), true, false},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 1), true, true},
		{"internal error", apierrors.NewInternalError(errors.New("etcd")), true, true},
		{"unavailable", apierrors.NewServiceUnavailable("starting"), true, true},
		{"server timeout", apierrors.NewServerTimeout(pods, "get", 1), true, true},
		{"gateway timeout", apierrors.NewTimeoutError("slow", 1), true, true},
		{"wrapped", fmt.Errorf("get pods: %w", apierrors.NewInternalError(errors.New("etcd"))), true, true},
		{"not found", apierrors.NewNotFound(pods, "web"), false, true},
		{"conflict", apierrors.NewConflict(pods, "web", errors.New("changed")), false, true},
		{"forbidden", apierrors.NewForbidden(pods, "web", nil), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := IsTransient(tt.err); got != tt.transient {
				t.Errorf("IsTransient: got %t, want %t", got, tt.transient)
			}
			if got := IsResponse(tt.err); got != tt.response {
				t.Errorf("IsResponse: got %t, want %t", got, tt.response)
			}
		})
	}
}
