package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// Failure is the error of a wait that ended before all workloads were ready. It
// is wrapped in a [fault.Error] of class [fault.Unhealthy], or
// [fault.Inconclusive] if no problem is known.
type Failure struct {
	// Causes are those of the failed workloads, fatal ones first, with log
	// lines.
	Causes []health.Cause

	Unready []health.Workload

	Elapsed time.Duration
	Expired bool // timed out

	// Kubectl is the command for [health.FormatCause].
	Kubectl string
}

// Conclusive reports whether the failure proves that a workload cannot become
// ready. A timeout alone proves nothing: the workload may only be slow.
func (f *Failure) Conclusive() bool {
	return slices.ContainsFunc(f.Causes, func(c health.Cause) bool { return c.Fatal() || c.Lasting && f.Expired })
}

// Error returns the first cause and the number of others.
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

func (f *Failure) of(o health.Object) *Failure {
	part := &Failure{Elapsed: f.Elapsed, Expired: f.Expired, Kubectl: f.Kubectl}
	for _, c := range f.Causes {
		if c.Object == o {
			part.Causes = append(part.Causes, c)
		}
	}
	return part
}

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
