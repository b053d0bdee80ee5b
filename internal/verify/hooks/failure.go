package hooks

import (
	"fmt"
	"strings"
)

// Error holds the failures of a hook. [Runner.Run] wraps it in an error of class
// fault.Smoke.
type Error struct {
	Failures []Failure
	Hints    []string // what to do next
}

// Error returns the failures, separated by line breaks.
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
	Log     []string // the last lines of the log, if there is no better explanation
}

// String returns the failure with the name of its hook, such as
// `journey: step "feed from the database" failed: GET …: 500 …`.
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
