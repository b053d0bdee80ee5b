// Package requestid gives every request from outside an id and carries it
// through all services: as the header X-Request-Id over HTTP, as metadata of the
// same name over gRPC and in the context in between. Package logs adds it to
// every log line.
package requestid

import (
	"context"
	"crypto/rand"
	"regexp"
)

// Header is the HTTP header; gRPC metadata has it in lower case.
const Header = "X-Request-Id"

// What a caller may choose: short, and harmless in a log line or a header.
var valid = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type key struct{}

// With returns a context that carries id, or a new id if this one is not valid.
func With(ctx context.Context, id string) context.Context {
	if !valid.MatchString(id) {
		id = rand.Text()
	}
	return context.WithValue(ctx, key{}, id)
}

// From is the id that ctx carries, or "".
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}
