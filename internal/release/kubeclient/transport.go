package kubeclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"k8s.io/client-go/rest"
)

var errClosed = errors.New("the run was cancelled")

// A gate lets requests through until it is shut. It is how a Helm action, which
// cannot be cancelled, is kept from going on in the background: once shut, its
// requests fail, those under way too.
type Gate struct {
	ctx  context.Context
	shut context.CancelCauseFunc
}

func NewGate() *Gate {
	ctx, shut := context.WithCancelCause(context.Background())
	return &Gate{ctx, shut}
}

func (g *Gate) Close() { g.shut(errClosed) }

// through is a copy of config whose requests pass the gate.
func (g *Gate) Wrap(config *rest.Config) *rest.Config {
	gated := rest.CopyConfig(config)
	gated.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if g.ctx.Err() != nil {
				return nil, errClosed
			}
			ctx, cancel := context.WithCancelCause(r.Context())
			stop := context.AfterFunc(g.ctx, func() { cancel(errClosed) })
			response, err := next.RoundTrip(r.WithContext(ctx))
			if err != nil {
				stop()
				cancel(nil)
				return nil, err
			}
			response.Body = onClose{response.Body, func() { stop(); cancel(nil) }}
			return response, nil
		})
	})
	return gated
}

type onClose struct {
	io.ReadCloser
	closed func()
}

func (b onClose) Close() error {
	defer b.closed()
	return b.ReadCloser.Close()
}

// counting is a copy of config that counts in writes the requests that changed
// something.
func CountWrites(config *rest.Config, writes *atomic.Int64) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && changes(r) && response.StatusCode < http.StatusMultipleChoices {
				writes.Add(1)
			}
			return response, err
		})
	})
	return counted
}

func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.URL.Query().Get("dryRun") == ""
	}
	return false
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
