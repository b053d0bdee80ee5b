package verify

import (
	"context"
	"errors"
	"strings"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Verify asks the checks in a pod and, at the same time, runs the hooks, these
// one after the other as `helm test` does. Where pods were replaced a moment ago,
// it waits until those that are asked are the new ones. Each check is reported
// with an event of kind ItemFinished as its answer arrives. Where NetworkPolicies
// of the namespace forbid the pod a flow, [PolicyCheck] is asked too and comes
// last. A hook that writes TAP has an item "hook/step" for each step as it
// arrives, another one is an item of its own.
//
// Both are brought to their end, and then judged together. Errors: of class Smoke
// with a [*Failure] in the chain, the checks that failed first, then the hooks; of
// class Smoke if the pod cannot run, with the reason; of class Undecided if the
// time was up or the API server stayed away. The pod is deleted in any case, also
// if ctx ends. What was made for hooks is gone at the end, except where their
// delete policies keep what ran to its end and failed.
func (r *Runner) Verify(ctx context.Context, checks []probe.Check, hooks []Hook, reporter event.Reporter) error {
	filled := r.withDefaults()
	redact := filled.Redact
	if err := filled.handover(ctx); err != nil {
		return fault.Redact(err, redact)
	}
	reporter = discreet(reporter, redact)
	var asked, ran error
	var both sync.WaitGroup
	run := r.newRun(checks, reporter)
	both.Go(func() { asked = run.ask(ctx) })
	both.Go(func() { ran = r.runHooks(ctx, hooks, reporter) })
	both.Wait()
	run.leave(ctx) // not before: to take a pod apart is work for the node that runs the hooks
	if asked != nil && errors.Is(ctx.Err(), context.Canceled) {
		return asked
	}
	return fault.Redact(together(asked, ran), redact)
}

// discreet lets several report, one at a time, and masks secrets.
func discreet(reporter event.Reporter, redact func(string) string) event.Reporter {
	reporter = event.Synchronized(reporter)
	return event.ReporterFunc(func(e event.Event) {
		e.Item, e.Message = redact(e.Item), redact(e.Message)
		reporter.Report(e)
	})
}

// together is one error of two. What is proven to be bad outweighs what is
// undecided.
func together(asked, ran error) error {
	if asked == nil {
		return ran
	}
	if ran == nil {
		return asked
	}
	var hints []string
	for _, hint := range strings.Split(fault.HintOf(asked)+"\n"+fault.HintOf(ran), "\n") {
		hints = text.AppendUnique(hints, hint)
	}
	hint := strings.Join(hints, "\n")
	var checks, hooks *Failure
	if errors.As(asked, &checks) && errors.As(ran, &hooks) {
		return fault.New(fault.Smoke, &Failure{checks.Failed, checks.Blocked, hooks.Hooks}, hint)
	}
	class := fault.ClassOf(asked)
	if fault.ClassOf(ran) == fault.Smoke {
		class = fault.Smoke
	}
	return fault.New(class, errors.Join(asked, ran), hint)
}
