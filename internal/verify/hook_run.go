package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A hookRun runs hooks as `helm test` does: one after the other until one
// fails, then the delete policies. What it makes is gone when it returns,
// except for evidence: a pod or Job that ran to its end and failed, and what it
// needed, where the policies keep them.
type hookRun struct {
	Runner
	reporter event.Reporter
}

func (r *Runner) runHooks(ctx context.Context, hooks []Hook, reporter event.Reporter) error {
	h := &hookRun{Runner: r.withDefaults(), reporter: reporter}
	if len(hooks) > 0 {
		h.awaitNames(ctx)
	}
	for i, hook := range hooks {
		over, err := h.run(ctx, hook)
		if err == nil {
			continue
		}
		if !over || hook.has(afterFailure) {
			h.remove(ctx, hook)
		}
		h.succeeded(ctx, hooks[:i])
		for _, later := range hooks[i+1:] {
			if later.runs() {
				reporter.Report(event.Finished(later.Name, event.Blocked, "not run: "+hook.Name+" failed", 0, 0))
			}
		}
		return err
	}
	h.succeeded(ctx, hooks)
	return nil
}

// succeeded deletes, the last first. Of what ran nothing is kept, whatever the
// policy: it is evidence of nothing.
func (h *hookRun) succeeded(ctx context.Context, hooks []Hook) {
	for _, hook := range slices.Backward(hooks) {
		if hook.runs() || hook.has(afterSuccess) {
			h.remove(ctx, hook)
		}
	}
}

// run makes a hook and, if it is one that runs, follows it to its end. over
// says that nothing of it can be running any more.
func (h *hookRun) run(ctx context.Context, hook Hook) (over bool, err error) {
	start := time.Now()
	finished := func(outcome event.Outcome, message string) {
		h.reporter.Report(event.Finished(hook.Name, outcome, message, time.Since(start), 0))
	}
	end := h.tryTwice(ctx, hook)
	if end.err != nil && ctx.Err() != nil {
		end.err = stopped(ctx, end.progress())
	}
	switch {
	case end.err == nil && len(end.failures) == 0:
		if hook.runs() && !end.steps { // else its steps have told
			finished(event.Done, "")
		}
		return true, nil
	case errors.Is(ctx.Err(), context.Canceled):
		finished(event.Canceled, "")
		return end.over, fmt.Errorf("%s: %w", hook.Name, end.err)
	case end.err != nil && len(end.failures) == 0 && fault.ClassOf(end.err) != fault.Smoke:
		finished(event.Failed, h.Redact(end.err.Error()))
		return end.over, fmt.Errorf("%s: %w", hook.Name, end.err)
	case end.err != nil:
		end.failures = append(end.failures, HookFailure{Hook: hook.Name, Message: h.Redact(end.err.Error())})
	}
	for _, f := range end.failures {
		if f.Step == "" {
			finished(event.Failed, strings.TrimPrefix(f.text(), hook.Name+": "))
		}
	}
	return end.over, fault.New(fault.Smoke, &Failure{Hooks: end.failures}, h.hint(hook, end))
}

// hint is what shows more, while there is something to be shown.
func (h *hookRun) hint(hook Hook, end ending) string {
	again := "run it again: tkdeploy verify"
	switch {
	case fault.HintOf(end.err) != "":
		return fault.HintOf(end.err) + "\n" + again
	case end.over && end.err == nil && !hook.has(afterFailure):
		kind := map[bool]string{true: "job/", false: "pod/"}[hook.isJob()]
		return fmt.Sprintf("its whole log: %s -n %s logs %s%s\n%s", h.Kubectl, hook.Object.GetNamespace(), kind, hook.Name, again)
	}
	return again
}
