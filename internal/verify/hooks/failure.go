package hooks

import (
	"fmt"
	"strings"
)

// Error is the error of a failed hook.
type Error struct {
	Failures []Failure
	Hints    []string
}

// Error returns the failures, one per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Failure is the failure of a step or of a whole hook.
type Failure struct {
	Hook    string
	Step    string // empty for the whole hook
	Message string
	Log     []string // last lines, if nothing else explains the failure
}

// String formats the failure: `journey: step "feed" failed: GET …: 500 …`.
func (f Failure) String() string { return f.Hook + ": " + f.detail() }

func (f Failure) detail() string {
	var detail string
	switch {
	case f.Step == "":
		detail = f.Message
	case f.Message == "":
		detail = fmt.Sprintf("step %q failed", f.Step)
	default:
		detail = fmt.Sprintf("step %q failed: %s", f.Step, f.Message)
	}
	for _, line := range f.Log {
		detail += "\n  " + line
	}
	return detail
}
