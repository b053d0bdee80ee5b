// Package refusal is how a service's domain says no to its caller, without
// knowing how callers reach it. Package rpc gives each kind its gRPC code.
package refusal

import "strings"

// A Kind is why a request was refused.
type Kind string

// The kinds.
const (
	Invalid   Kind = "invalid"   // Fields says what is wrong
	NotFound  Kind = "not found" // there is no such thing, or not for this caller
	Forbidden Kind = "forbidden" // it is another user's
)

// An Error is a refusal. Its text is for the client.
type Error struct {
	Kind   Kind
	Text   string
	Fields []Field // of Invalid only
}

// A Field says what a field of the request must be.
type Field struct{ Name, Problem string }

func (e *Error) Error() string { return e.Text }

// New makes a refusal of any kind but [Invalid].
func New(kind Kind, text string) *Error { return &Error{Kind: kind, Text: text} }

// Fields collects what is wrong with a request.
type Fields []Field

// Check adds a problem of the field name unless ok.
func (f *Fields) Check(ok bool, name, problem string) {
	if !ok {
		*f = append(*f, Field{Name: name, Problem: problem})
	}
}

// Err is an [Invalid] refusal with every problem, or nil.
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
