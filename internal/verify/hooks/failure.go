package hooks

import (
	"fmt"
	"strings"
)

// Error is the error of a failed hook.
type Error struct {
	Failures []Failure
	Hints    []string // what to do next
}

// Error returns the failures, one per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Failure is a failed step of a hook, or the failure of the hook as a whole.
type Failure struct {
	Hook    string
	Step    string // empty for the hook as a whole
	Message string
	Log     []string // the last lines, if nothing else explains the failure
}

// String returns a text such as `journey: step "feed" failed: GET …: 500 …`.
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
