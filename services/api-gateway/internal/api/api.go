// Package api is the REST API that the outside sees: it translates HTTP to gRPC
// calls and their answers back. openapi.yaml describes it, is served with it, and
// is tested against it.
package api

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"time"

	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

// Document is the API's OpenAPI description.
//
//go:embed openapi.yaml
var Document []byte

// An API carries what the handlers work with.
type API struct {
	Auth     authv1.AuthServiceClient
	Tokens   Verifier
	Limit    Limiter
	ClientOf func(*http.Request) string
	Metrics  *Metrics
	Log      *slog.Logger
}

// A Verifier returns the id of the user whom an access token was made for.
type Verifier interface {
	Verify(token string) (userID string, err error)
}

// A Limiter counts a client's request and returns how long the client has to
// wait with it; 0 is not at all.
type Limiter interface {
	Take(ctx context.Context, client string) time.Duration
}

// A handler writes an answer, or returns the error that [problem] turns into one.
type handler func(http.ResponseWriter, *http.Request) error

// routes is the whole API by the patterns of [http.ServeMux].
func (a *API) routes() map[string]handler {
	return map[string]handler{
		"POST /api/v1/auth/register": a.limited(a.register),
		"POST /api/v1/auth/login":    a.limited(a.login),
		"POST /api/v1/auth/refresh":  a.limited(a.refresh),
		"GET /api/v1/me":             a.authenticated(a.me),
		"GET /openapi.yaml":          document,
	}
}

// Register adds the API to mux.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, handle := range a.routes() {
		mux.Handle(pattern, a.Metrics.observe(pattern, a.Log, a.answering(handle)))
	}
}

// answering turns a handler's error into a problem document.
func (a *API) answering(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			a.answerError(w, r, err)
		}
	})
}

func document(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, "application/yaml", Document)
	return nil
}
