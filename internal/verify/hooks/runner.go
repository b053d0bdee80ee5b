package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// Runner runs test hooks. All fields but Exit must be set.
type Runner struct {
	Pods     *pods.Client
	Objects  dynamic.Interface
	Reporter event.Reporter

	// Exit may be nil. The kubelet reports exit codes up to a second later.
	Exit ExitCodeFunc
}

// Run runs the hooks one after the other until one fails, and applies the
// delete policies. A test that writes TAP reports an item "hook/step" for each
// step, any other test a single item.
//
// If a hook fails, the error wraps an [*Error] and has class [fault.Smoke].
// Other errors mean that a hook could not be judged. Run deletes what it
// created, except a test that ended and failed, and objects that tests need, if
// their policies keep them.
func (r *Runner) Run(ctx context.Context, hooks []Hook) error {
	for i, hook := range hooks {
		ended, err := r.run(ctx, hook)
		if err == nil {
			continue
		}
		if !ended || hook.has(afterFailure) {
			r.remove(ctx, hook)
		}
		r.removeSucceeded(ctx, hooks[:i])
		for _, later := range hooks[i+1:] {
			if later.isTest() {
				r.Reporter.Report(event.Finished(later.Name, event.Blocked, "skipped: "+hook.Name+" failed", 0, 0))
			}
		}
		return err
	}
	r.removeSucceeded(ctx, hooks)
	return nil
}

// removeSucceeded deletes the last hook first, and tests whatever their policy.
func (r *Runner) removeSucceeded(ctx context.Context, hooks []Hook) {
	for _, hook := range slices.Backward(hooks) {
		if hook.isTest() || hook.has(afterSuccess) {
			r.remove(ctx, hook)
		}
	}
}

// run runs one hook. ended is false if a part of it may still be running.
func (r *Runner) run(ctx context.Context, hook Hook) (ended bool, err error) {
	start := time.Now()
	finished := func(outcome event.Outcome, message string) {
		r.Reporter.Report(event.Finished(hook.Name, outcome, message, time.Since(start), 0))
	}
	result := r.tryTwice(ctx, hook)
	if result.err != nil && ctx.Err() != nil {
		result.err = pods.Stopped(ctx, result.waitingFor())
	}
	switch {
	case result.err == nil && len(result.failures) == 0:
		if hook.isTest() && !result.hasSteps {
			finished(event.Done, "")
		}
		return true, nil
	case errors.Is(ctx.Err(), context.Canceled):
		finished(event.Canceled, "")
		return result.ended, fmt.Errorf("%s: %w", hook.Name, result.err)
	case result.err != nil && len(result.failures) == 0 && fault.ClassOf(result.err) != fault.Smoke:
		finished(event.Failed, r.Pods.Redact(result.err.Error()))
		return result.ended, fmt.Errorf("%s: %w", hook.Name, result.err)
	case result.err != nil:
		result.failures = append(result.failures, Failure{Hook: hook.Name, Message: r.Pods.Redact(result.err.Error())})
	}
	for _, f := range result.failures {
		if f.Step == "" {
			finished(event.Failed, f.detail())
		}
	}
	hints := r.hints(hook, result)
	return result.ended, fault.New(fault.Smoke, &Error{Failures: result.failures, Hints: hints}, strings.Join(hints, "\n"))
}

// hints includes the command for the whole log unless the pod is deleted.
func (r *Runner) hints(hook Hook, result result) []string {
	var hints []string
	switch {
	case fault.HintOf(result.err) != "":
		hints = append(hints, fault.HintOf(result.err))
	case result.ended && result.err == nil && !hook.has(afterFailure):
		kind := map[bool]string{true: "job/", false: "pod/"}[hook.isJob()]
		hints = append(hints, fmt.Sprintf("read the whole log: %s -n %s logs %s%s", r.Pods.Kubectl, hook.Object.GetNamespace(), kind, hook.Name))
	}
	return text.AppendUnique(hints, pods.RerunHint)
}
