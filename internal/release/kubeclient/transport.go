package kubeclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"k8s.io/client-go/rest"
)

var errGateClosed = errors.New("the run was canceled")

// Gate lets requests through until it is closed. Then all requests fail, including those
// in flight, so that a Helm action cannot continue in the background.
type Gate struct {
	ctx  context.Context
	shut context.CancelCauseFunc
}

// NewGate returns an open Gate.
func NewGate() *Gate {
	ctx, shut := context.WithCancelCause(context.Background())
	return &Gate{ctx, shut}
}

// Close closes the gate for good.
func (g *Gate) Close() { g.shut(errGateClosed) }

// Wrap returns a copy of config whose requests pass through the gate.
func (g *Gate) Wrap(config *rest.Config) *rest.Config {
	gated := rest.CopyConfig(config)
	gated.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if g.ctx.Err() != nil {
				return nil, errGateClosed
			}
			ctx, cancel := context.WithCancelCause(r.Context())
			stop := context.AfterFunc(g.ctx, func() { cancel(errGateClosed) })
			response, err := next.RoundTrip(r.WithContext(ctx))
			if err != nil {
				stop()
				cancel(nil)
				return nil, err
			}
			response.Body = notifyingBody{response.Body, func() { stop(); cancel(nil) }}
			return response, nil
		})
	})
	return gated
}

type notifyingBody struct {
	io.ReadCloser
	closed func()
}

func (b notifyingBody) Close() error {
	defer b.closed()
	return b.ReadCloser.Close()
}

// CountWrites returns a copy of config that counts successful writes, without dry runs.
func CountWrites(config *rest.Config, writes *atomic.Int64) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && isWrite(r) && response.StatusCode < http.StatusMultipleChoices {
				writes.Add(1)
			}
			return response, err
		})
	})
	return counted
}

func isWrite(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.URL.Query().Get("dryRun") == ""
	}
	return false
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
