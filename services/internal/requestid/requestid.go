// Package requestid assigns an id to each external request and propagates it to
// all services, as the header X-Request-Id, gRPC metadata, or a context value.
package requestid

import (
	"context"
	"crypto/rand"
	"regexp"
)

// Header is the HTTP header. gRPC metadata uses lower case.
const Header = "X-Request-Id"

// valid restricts ids to text that is safe in logs and headers.
var valid = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type key struct{}

// With returns a context with id, or with a new id if id is not valid.
func With(ctx context.Context, id string) context.Context {
	if !valid.MatchString(id) {
		id = rand.Text()
	}
	return context.WithValue(ctx, key{}, id)
}

// From returns the id of ctx, or "".
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}
