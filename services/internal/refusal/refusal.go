// Package refusal defines the errors with which a service's domain rejects a
// request, independent of the transport. Package rpc maps each kind to a gRPC
// code.
package refusal

import "strings"

// Kind is the reason why a request was refused.
type Kind string

// The kinds of refusals.
const (
	Invalid   Kind = "invalid"   // Fields lists the problems
	NotFound  Kind = "not found" // it does not exist, or not for this caller
	Forbidden Kind = "forbidden" // it belongs to another user
)

// Error is a refusal. Its text is for the client.
type Error struct {
	Kind   Kind
	Text   string
	Fields []Field // only for Invalid
}

// Field is a field of the request and its problem.
type Field struct{ Name, Problem string }

func (e *Error) Error() string { return e.Text }

// New returns a refusal of any kind but [Invalid].
func New(kind Kind, text string) *Error { return &Error{Kind: kind, Text: text} }

// Fields collects the invalid fields of a request.
type Fields []Field

// Check adds a problem with field name unless ok.
func (f *Fields) Check(ok bool, name, problem string) {
	if !ok {
		*f = append(*f, Field{Name: name, Problem: problem})
	}
}

// Err returns an [Invalid] refusal with all problems, or nil.
func (f *Fields) Err() error {
	if len(*f) == 0 {
		return nil
	}
	lines := make([]string, len(*f))
	for i, field := range *f {
		lines[i] = field.Name + " " + field.Problem
	}
	return &Error{Kind: Invalid, Text: strings.Join(lines, "; "), Fields: *f}
}
