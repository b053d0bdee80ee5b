// Package refusal defines the errors with which a domain rejects requests.
// Package rpc maps their kinds to gRPC codes.
package refusal

import "strings"

// Kind is the reason for a refusal.
type Kind string

// The kinds.
const (
	Invalid   Kind = "invalid"   // Fields lists the problems
	NotFound  Kind = "not found" // or not visible to this caller
	Forbidden Kind = "forbidden" // owned by another user
)

// Error is a refusal. Its text is for the client.
type Error struct {
	Kind   Kind
	Text   string
	Fields []Field // only for Invalid
}

// Field is the problem of a request field.
type Field struct{ Name, Problem string }

func (e *Error) Error() string { return e.Text }

// New returns a refusal of any kind but [Invalid].
func New(kind Kind, text string) *Error { return &Error{Kind: kind, Text: text} }

// Fields collects problems.
type Fields []Field

// Check adds a problem unless ok.
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
