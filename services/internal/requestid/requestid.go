// Package requestid assigns an id to each external request and propagates it
// through all services: as the header X-Request-Id in HTTP, as metadata of the
// same name in gRPC, and in the context. Package logs adds it to every log line.
package requestid

import (
	"context"
	"crypto/rand"
	"regexp"
)

// Header is the HTTP header. In gRPC metadata it is lower case.
const Header = "X-Request-Id"

// valid restricts a caller's id to text that is safe in a log line or a header.
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
