package verify

import (
	"context"
	"errors"
	"strings"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Verify runs the smoke checks in a pod and, in parallel, the test hooks in
// `helm test` order. If pods were just replaced, it first waits for Services to
// drop the old endpoints. It skips the checks of Services that have no pods by
// intent, see [Options.Backends]. It adds the check [checks.NetworkPolicies] if a
// policy forbids the pod a connection. Each check and each TAP step of a hook
// reports an ItemFinished event, a hook without TAP a single one.
//
// Failed checks and hooks are one [*Failure] of class [fault.Smoke]. The error
// also has class Smoke if the pod cannot run, and class [fault.Inconclusive] if
// the deadline of ctx passed or the API server was unavailable. Verify deletes
// its pod even if ctx is done. See [hooks.Runner.Run] for the objects of hooks.
func (r *Runner) Verify(ctx context.Context, smokeChecks []probe.Check, testHooks []hooks.Hook, reporter event.Reporter) error {
	redact := r.options.Redact
	reporter = redactingReporter(reporter, redact)
	pods, err := r.awaitEndpointDrain(ctx)
	if err == nil {
		smokeChecks, err = r.skipWithoutPods(ctx, smokeChecks, pods, reporter)
	}
	if err != nil {
		return fault.Redact(err, redact)
	}
	var checkErr, hookErr error
	var both sync.WaitGroup
	run := r.newRun(smokeChecks, reporter)
	both.Go(func() { checkErr = run.execute(ctx) })
	both.Go(func() { hookErr = r.runHooks(ctx, testHooks, reporter) })
	both.Wait()
	run.cleanUp(ctx) // not earlier, to spare the node during the hooks
	if checkErr != nil && errors.Is(ctx.Err(), context.Canceled) {
		return checkErr
	}
	return fault.Redact(joinFailures(checkErr, hookErr), redact)
}

func (r *Runner) runHooks(ctx context.Context, testHooks []hooks.Hook, reporter event.Reporter) error {
	if len(testHooks) == 0 {
		return nil
	}
	r.awaitDNS(ctx)
	runner := hooks.Runner{Pods: r.pods, Objects: r.options.Objects, Reporter: reporter, Exit: r.options.Exit}
	err := runner.Run(ctx, testHooks)
	var failed *hooks.Error
	if errors.As(err, &failed) {
		failure := &Failure{Hooks: failed.Failures, Hints: failed.Hints}
		return failure.classified()
	}
	return err
}

// redactingReporter is safe for concurrent use.
func redactingReporter(reporter event.Reporter, redact func(string) string) event.Reporter {
	reporter = event.Synchronized(reporter)
	return event.ReporterFunc(func(e event.Event) {
		e.Item, e.Message = redact(e.Item), redact(e.Message)
		reporter.Report(e)
	})
}

// joinFailures prefers class Smoke.
func joinFailures(checkErr, hookErr error) error {
	switch {
	case checkErr == nil:
		return hookErr
	case hookErr == nil:
		return checkErr
	}
	var hints []string
	for _, err := range []error{checkErr, hookErr} {
		for _, hint := range hintsOf(err) {
			hints = text.AppendUnique(hints, hint)
		}
	}
	var failedChecks, failedHooks *Failure
	if errors.As(checkErr, &failedChecks) && errors.As(hookErr, &failedHooks) {
		joined := &Failure{Failed: failedChecks.Failed, Blocked: failedChecks.Blocked, Hooks: failedHooks.Hooks, Hints: hints}
		return joined.classified()
	}
	class := fault.ClassOf(checkErr)
	if fault.ClassOf(hookErr) == fault.Smoke {
		class = fault.Smoke
	}
	return fault.New(class, errors.Join(checkErr, hookErr), strings.Join(hints, "\n"))
}

func hintsOf(err error) []string {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Hints
	}
	return []string{fault.HintOf(err)}
}
