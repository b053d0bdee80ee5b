// Package fault gives errors what a person and a script need beside the text:
// a class, which package app maps to the exit status, and a hint, which says
// what to do next.
package fault

import "errors"

// A Class groups errors by who can do something about them. The exit status of
// each is in package app.
type Class string

// The classes.
const (
	Internal     Class = "internal"    // a bug of tkdeploy
	Usage        Class = "usage"       // wrong command line
	Config       Class = "config"      // tkdeploy.yaml, values or chart are wrong; nothing was touched
	Environment  Class = "environment" // engine, ports or disk
	NotOwned     Class = "safety"      // refused: not ours, or not named by the environment
	Locked       Class = "locked"      // another run is at work
	Build        Class = "build"
	Cluster      Class = "cluster"
	Load         Class = "load"
	Apply        Class = "apply"
	Unhealthy    Class = "unhealthy" // a workload cannot come up
	Smoke        Class = "smoke"     // a smoke check failed
	Rollback     Class = "rollback"
	Down         Class = "down"
	Inconclusive Class = "undecided" // a timeout or an absent API: neither good nor bad is proven
)

// An Error is a cause with its class and a hint.
type Error struct {
	Class Class
	Err   error
	Hint  string // what to do next, one or more lines; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New gives err a class and a hint. New of a nil error is nil.
func New(class Class, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Err: err, Hint: hint}
}

// ClassOf is the class nearest to the outside of err's chain, or "" if none is set.
func ClassOf(err error) Class {
	var f *Error
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

// HintOf is the hint nearest to the outside of err's chain, or "".
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

// Masked is err with its text and hint masked. Where that changes anything the
// chain is cut, because it would still hold what was masked; the class stays.
func Redact(err error, mask func(string) string) error {
	if err == nil || mask(err.Error()) == err.Error() && mask(HintOf(err)) == HintOf(err) {
		return err
	}
	masked := errors.New(mask(err.Error()))
	if class := ClassOf(err); class != "" {
		return New(class, masked, mask(HintOf(err)))
	}
	return masked
}

// Default gives err the class unless its chain has one already.
func Default(class Class, err error) error {
	if err == nil || ClassOf(err) != "" {
		return err
	}
	return New(class, err, "")
}
