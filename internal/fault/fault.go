// Package fault adds a class, which determines the exit code, and a hint to
// errors.
package fault

import "errors"

// Class groups errors by who can fix them.
type Class string

// The classes.
const (
	Internal     Class = "internal"    // a bug in tkdeploy
	Usage        Class = "usage"       // wrong command line
	Config       Class = "config"      // invalid tkdeploy.yaml, values or chart
	Environment  Class = "environment" // engine, ports or disk
	NotOwned     Class = "not-owned"   // cluster does not belong to the environment
	Locked       Class = "locked"      // by another run
	Build        Class = "build"
	Cluster      Class = "cluster"
	Load         Class = "load"
	Apply        Class = "apply"
	Unhealthy    Class = "unhealthy" // a workload failed
	Smoke        Class = "smoke"     // a smoke test failed
	Rollback     Class = "rollback"
	Down         Class = "down"
	Inconclusive Class = "inconclusive" // timeout or unavailable API server
)

// Error is an error with a class and a hint.
type Error struct {
	Class Class
	Err   error
	Hint  string // may be empty
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// New returns err with a class and a hint, or nil if err is nil.
func New(class Class, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Err: err, Hint: hint}
}

// Default returns err with the class unless it has one.
func Default(class Class, err error) error {
	if err == nil || ClassOf(err) != "" {
		return err
	}
	return New(class, err, "")
}

// ClassOf returns the outermost class of err, or "".
func ClassOf(err error) Class {
	var f *Error
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

// HintOf returns the outermost hint of err, or "".
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

// Redact redacts the message and hint of err. If either changes, it drops the
// wrapped errors, which may contain the secret, and keeps the class.
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
