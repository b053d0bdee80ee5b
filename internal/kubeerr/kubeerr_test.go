package kubeerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestIsTransient(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	tests := []struct {
		name                             string
		err                              error
		transient, response, unavailable bool
	}{
		{"unknown error", errors.New("no such field"), true, false, false},
		{"connection refused", &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}, true, false, true},
		{"connection reset", fmt.Errorf("list pods: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}), true, false, true},
		{"full disk", fmt.Errorf("write: %w", syscall.ENOSPC), true, false, false},
		{"invalid URL", &url.Error{Op: "parse", Err: errors.New("missing protocol scheme")}, true, false, false},
		{"no response in time", fmt.Errorf("list pods: %w", context.DeadlineExceeded), true, false, true},
		{"cut response", fmt.Errorf("list pods: %w", io.ErrUnexpectedEOF), true, false, true},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 1), true, true, true},
		{"internal error", apierrors.NewInternalError(errors.New("etcd")), true, true, true},
		{"webhook", apierrors.NewInternalError(errors.New(`failed calling webhook "a.example.com"`)), true, true, false},
		{"unavailable", apierrors.NewServiceUnavailable("starting"), true, true, true},
		{"server timeout", apierrors.NewServerTimeout(pods, "get", 1), true, true, true},
		{"gateway timeout", apierrors.NewTimeoutError("slow", 1), true, true, true},
		{"wrapped", fmt.Errorf("get pods: %w", apierrors.NewInternalError(errors.New("etcd"))), true, true, true},
		{"not found", apierrors.NewNotFound(pods, "web"), false, true, false},
		{"conflict", apierrors.NewConflict(pods, "web", errors.New("changed")), false, true, false},
		{"forbidden", apierrors.NewForbidden(pods, "web", nil), false, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := IsTransient(tt.err); got != tt.transient {
				t.Errorf("IsTransient: got %t, want %t", got, tt.transient)
			}
			if got := IsResponse(tt.err); got != tt.response {
				t.Errorf("IsResponse: got %t, want %t", got, tt.response)
			}
			if got := IsUnavailable(tt.err); got != tt.unavailable {
				t.Errorf("IsUnavailable: got %t, want %t", got, tt.unavailable)
			}
		})
	}
}

func TestClassify(t *testing.T) {
	unavailable, other := &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}, errors.New("no such field")
	for name, tt := range map[string]struct {
		err  error
		want fault.Class
	}{
		"no error":                   {nil, ""},
		"unavailable API server":     {fmt.Errorf("read: %w", unavailable), fault.Inconclusive},
		"deadline":                   {context.DeadlineExceeded, fault.Inconclusive},
		"other error":                {other, fault.Apply},
		"canceled":                   {fmt.Errorf("read: %w", context.Canceled), ""},
		"canceled request":           {&url.Error{Op: "Get", Err: context.Canceled}, ""},
		"error that has a class":     {fault.New(fault.Config, other, ""), fault.Config},
		"unavailable that has class": {fault.New(fault.Down, unavailable, ""), fault.Down},
	} {
		t.Run(name, func(t *testing.T) {
			got := Classify(fault.Apply, tt.err)
			if fault.ClassOf(got) != tt.want || !errors.Is(got, tt.err) {
				t.Errorf("got %v of class %q, want class %q", got, fault.ClassOf(got), tt.want)
			}
		})
	}
}
