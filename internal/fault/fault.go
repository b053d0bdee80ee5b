// Package fault attaches a class and a hint to errors. Package cli maps the
// class to an exit code; the hint says what to do next.
package fault

import "errors"

// Class groups errors by who can fix them. Package cli has the exit code of each.
type Class string

// The classes.
const (
	Internal     Class = "internal"    // a bug of tkdeploy
	Usage        Class = "usage"       // wrong command line
	Config       Class = "config"      // invalid tkdeploy.yaml, values or chart; nothing was changed
	Environment  Class = "environment" // engine, ports or disk
	NotOwned     Class = "not-owned"   // refused: not owned, or not named by the environment
	Locked       Class = "locked"      // locked by another run
	Build        Class = "build"
	Cluster      Class = "cluster"
	Load         Class = "load"
	Apply        Class = "apply"
	Unhealthy    Class = "unhealthy" // a workload failed
	Smoke        Class = "smoke"     // a smoke check failed
	Rollback     Class = "rollback"
	Down         Class = "down"
	Inconclusive Class = "inconclusive" // timeout, or the API server is unavailable
)

// Error is an error with a class and a hint.
type Error struct {
	Class Class
	Err   error
	Hint  string // one or more lines; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns err with a class and a hint, or nil if err is nil.
func New(class Class, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Err: err, Hint: hint}
}

// Default returns err with the class, or err itself if it has a class.
func Default(class Class, err error) error {
	if err == nil || ClassOf(err) != "" {
		return err
	}
	return New(class, err, "")
}

// ClassOf returns the outermost class in err's chain, or "" if there is none.
func ClassOf(err error) Class {
	var f *Error
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

// HintOf returns the outermost hint in err's chain, or "" if there is none.
func HintOf(err error) string {
	for err != nil {
		var f *Error
		if !errors.As(err, &f) {
			return ""
		}
		if f.Hint != "" {
			return f.Hint
		}
		err = f.Err
	}
	return ""
}

// Redact applies redact to the message and hint of err. If that changes either,
// Redact drops the wrapped errors, which may still contain the secret, and keeps
// the class.
func Redact(err error, redact func(string) string) error {
	if err == nil || redact(err.Error()) == err.Error() && redact(HintOf(err)) == HintOf(err) {
		return err
	}
	redacted := errors.New(redact(err.Error()))
	if class := ClassOf(err); class != "" {
		return New(class, redacted, redact(HintOf(err)))
	}
	return redacted
}
