package rollout

import (
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// A Failure says why a wait ended without all workloads ready. It comes wrapped
// in a [fault.Error] of class [fault.Unhealthy], or [fault.Undecided] when time
// ran out and nothing is known to be wrong. Find it with errors.As.
type Failure struct {
	// Causes are those of the workloads that failed, the deciding ones first,
	// with the lines of their logs.
	Causes []health.Cause

	// Unready are the workloads that were not ready, in the order of the wait.
	Unready []health.Workload

	// Elapsed is how long the wait took, and Expired whether it took all the
	// time that it had; else it ended early.
	Elapsed time.Duration
	Expired bool

	// Kubectl starts the commands of the causes; see [health.FormatCause].
	Kubectl string
}

// Error is one line: the first cause, and how many others there are.
func (f *Failure) Error() string {
	if len(f.Causes) == 0 {
		return fmt.Sprintf("not ready after %s", f.Elapsed.Round(time.Second))
	}
	text := f.Causes[0].Summary()
	if f.Expired {
		text = fmt.Sprintf("not ready after %s: %s", f.Elapsed.Round(time.Second), text)
	}
	switch more := len(f.Causes) - 1; {
	case more == 1:
		text += " (and 1 more cause)"
	case more > 1:
		text += fmt.Sprintf(" (and %d more causes)", more)
	}
	return text
}

// of is the part of the failure that is about one workload.
func (f *Failure) of(o health.Object) *Failure {
	part := &Failure{Elapsed: f.Elapsed, Expired: f.Expired, Kubectl: f.Kubectl}
	for _, c := range f.Causes {
		if c.Object == o {
			part.Causes = append(part.Causes, c)
		}
	}
	return part
}

// fault wraps the failure in its class and the first cause's next step.
func (f *Failure) fault() error {
	class := fault.Inconclusive
	var hints []string
	for _, c := range f.Causes {
		if c.Proven() {
			class = fault.Unhealthy
		}
		if len(hints) == 0 && c.Hint != "" {
			hints = append(hints, c.Hint)
		}
	}
	return fault.New(class, f, strings.Join(hints, "\n"))
}
