package api

import (
	"context"
	"net/http"
	"strings"
)

func (a *API) limited(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if wait := a.Limit.Take(r.Context(), a.ClientOf(r)); wait > 0 {
			return tooMany(wait)
		}
		return next(w, r)
	}
}

// deployed responds 503 if the service is not deployed.
func deployed(service string, is bool, next handler) handler {
	if is {
		return next
	}
	return func(http.ResponseWriter, *http.Request) error {
		return newProblem(http.StatusServiceUnavailable, service+" is not deployed")
	}
}

type userKey struct{}

// authenticated requires an access token and adds its user to the context.
func (a *API) authenticated(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return unauthenticated(`Bearer`, "access token required: log in")
		}
		id, err := a.Tokens.Verify(token)
		if err != nil {
			return unauthenticated(`Bearer error="invalid_token"`, "the access token is invalid or has expired: refresh it or log in")
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, id)))
	}
}

// recognized makes the access token optional. Responses contain more for a known
// user.
func (a *API) recognized(next handler) handler {
	known := a.authenticated(next)
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Authorization") == "" {
			return next(w, r)
		}
		return known(w, r)
	}
}

// userID returns the user of the access token, or "".
func userID(ctx context.Context) string {
	id, _ := ctx.Value(userKey{}).(string)
	return id
}
