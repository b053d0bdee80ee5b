// Package api implements the public REST API with gRPC calls. The tests check it
// against openapi.yaml.
package api

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"time"

	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// Document is the API's OpenAPI description.
//
//go:embed openapi.yaml
var Document []byte

// API holds the dependencies of the handlers. Clients of services that are not
// deployed are nil.
type API struct {
	Auth          authv1.AuthServiceClient
	Videos        videov1.VideoServiceClient
	Interactions  interactionv1.InteractionServiceClient
	Notifications notificationv1.NotificationServiceClient

	Tokens   Verifier
	Limit    Limiter
	ClientOf func(*http.Request) string
	Metrics  *Metrics
	Log      *slog.Logger
}

// Verifier returns the user id of an access token.
type Verifier interface {
	Verify(token string) (userID string, err error)
}

// Limiter counts a request and returns how long the client must wait, or 0.
type Limiter interface {
	Take(ctx context.Context, client string) time.Duration
}

// handler writes a response or returns an error, usually a [problem].
type handler func(http.ResponseWriter, *http.Request) error

func (a *API) routes() map[string]handler {
	video := func(next handler) handler { return deployed("video-service", a.Videos != nil, next) }
	interaction := func(next handler) handler { return deployed("interaction-service", a.Interactions != nil, next) }
	notification := func(next handler) handler { return deployed("notification-service", a.Notifications != nil, next) }
	return map[string]handler{
		"POST /api/v1/auth/register": a.limited(a.register),
		"POST /api/v1/auth/login":    a.limited(a.login),
		"POST /api/v1/auth/refresh":  a.limited(a.refresh),
		"GET /api/v1/me":             a.authenticated(a.me),
		"DELETE /api/v1/me":          a.authenticated(a.deleteMe),

		"GET /api/v1/feed":                video(a.recognized(a.feed)),
		"POST /api/v1/videos":             video(a.authenticated(a.postVideo)),
		"GET /api/v1/videos/{id}":         video(a.recognized(a.video)),
		"GET /api/v1/videos/{id}/content": video(a.content),
		"DELETE /api/v1/videos/{id}":      video(a.authenticated(a.deleteVideo)),

		"PUT /api/v1/videos/{id}/like":      interaction(a.authenticated(a.like)),
		"DELETE /api/v1/videos/{id}/like":   interaction(a.authenticated(a.unlike)),
		"GET /api/v1/videos/{id}/comments":  interaction(a.comments),
		"POST /api/v1/videos/{id}/comments": interaction(a.authenticated(a.postComment)),
		"POST /api/v1/videos/{id}/views":    interaction(a.authenticated(a.view)),

		"GET /api/v1/notifications":            notification(a.authenticated(a.notifications)),
		"POST /api/v1/notifications/{id}/read": notification(a.authenticated(a.markRead)),

		"GET /openapi.yaml": document,
	}
}

// Register adds the API to mux.
func (a *API) Register(mux *http.ServeMux) {
	for pattern, handle := range a.routes() {
		mux.Handle(pattern, a.Metrics.observe(pattern, a.Log, a.handleErrors(handle)))
	}
}

// handleErrors writes a handler's error as a problem document.
func (a *API) handleErrors(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			a.writeError(w, r, err)
		}
	})
}

func document(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, "application/yaml", Document)
	return nil
}
