package api

import (
	"context"
	"net/http"
	"strings"
)

// limited refuses a client that comes too often.
func (a *API) limited(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if wait := a.Limit.Take(r.Context(), a.ClientOf(r)); wait > 0 {
			return tooMany(wait)
		}
		return next(w, r)
	}
}

// deployed answers for a service that this stack does not have.
func deployed(service string, is bool, next handler) handler {
	if is {
		return next
	}
	return func(http.ResponseWriter, *http.Request) error {
		return newProblem(http.StatusServiceUnavailable, service+" is not deployed")
	}
}

type userKey struct{}

// authenticated asks for an access token and puts its user into the context.
func (a *API) authenticated(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return unauthenticated(`Bearer`, "this needs an access token: log in")
		}
		id, err := a.Tokens.Verify(token)
		if err != nil {
			return unauthenticated(`Bearer error="invalid_token"`, "the access token is not valid or has expired: refresh it or log in")
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, id)))
	}
}

// recognized takes an access token if there is one: some answers tell more to
// whom they know.
func (a *API) recognized(next handler) handler {
	known := a.authenticated(next)
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("Authorization") == "" {
			return next(w, r)
		}
		return known(w, r)
	}
}

// userID is the user whom [API.authenticated] or [API.recognized] found, or "".
func userID(ctx context.Context) string {
	id, _ := ctx.Value(userKey{}).(string)
	return id
}
