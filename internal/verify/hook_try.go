package verify

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// An ending is how a hook ended, or how far it came.
type ending struct {
	failures []HookFailure
	steps    bool   // it told them, in TAP
	last     string // the step that came last
	over     bool   // nothing of it can be running any more
	err      error  // why there is no verdict on it

	unstarted string // why nothing of it ran: its node could not start it
}

// progress is what was going on when the time was up.
func (e ending) progress() string {
	if e.last == "" {
		return "wait for its end"
	}
	return fmt.Sprintf("wait for its end, after step %q", e.last)
}

// tryTwice makes the hook once more if the node could not start it.
func (h *hookRun) tryTwice(ctx context.Context, hook Hook) ending {
	end := h.try(ctx, hook)
	if end.unstarted == "" || ctx.Err() != nil || h.delete(ctx, hook) != nil {
		return end
	}
	p := h.podCase(hook)
	p.again(hook.Name+": "+p.what, end.unstarted)
	return h.try(ctx, hook)
}

// try makes the hook, an old one of its name removed before if its policy says
// so, and follows it.
func (h *hookRun) try(ctx context.Context, hook Hook) ending {
	if hook.Resource.Empty() {
		err := fmt.Errorf("the cluster does not know the kind %s", hook.Object.GroupVersionKind())
		return ending{over: true, err: fault.New(fault.Smoke, err, "install what defines the kind, or leave the hook out with verify.skip")}
	}
	if hook.has(beforeCreation) {
		if err := h.delete(ctx, hook); err != nil {
			return ending{over: !hook.runs(), err: err}
		}
	}
	created, exists, err := h.create(ctx, hook)
	switch {
	case err != nil:
		return ending{over: !hook.runs() || exists, err: err}
	case hook.isPod():
		return h.followPod(ctx, hook, created)
	case hook.isJob():
		return h.followJob(ctx, hook, created)
	}
	return ending{over: true}
}

func (h *hookRun) followPod(ctx context.Context, hook Hook, created *unstructured.Unstructured) ending {
	pod := &corev1.Pod{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(created.Object, pod); err != nil {
		return ending{err: fmt.Errorf("read pod %s: %w", created.GetName(), err)}
	}
	p := h.hookPod(hook)
	ended, err := p.follow(ctx, pod)
	if err != nil {
		return p.ending(err)
	}
	end := p.ending(nil)
	end.over = true
	end.failures = p.judge(ctx, ended)
	end.unstarted = unstarted(ended)
	return end
}

func (h *hookRun) hookPod(hook Hook) *hookPod {
	return &hookPod{podCase: h.podCase(hook), hook: hook.Name, attempt: &attempt{}}
}

// podCase speaks of a pod of the hook: the hook's name comes before all its messages.
func (h *hookRun) podCase(hook Hook) podCase {
	p := podCase{
		Runner: h.Runner, reporter: h.reporter,
		what: "its pod",
		asks: "what its chart says",
		pull: "name its image in tkdeploy.yaml, so that it is loaded into the cluster",
	}
	p.Namespace = hook.Object.GetNamespace()
	return p
}

func (p *hookPod) ending(err error) ending {
	return ending{failures: p.failed, steps: p.tap.Count() > 0, last: p.tap.Last().Name, err: err}
}

// judge says what failed in a pod that ended: its steps, or what its TAP lacks,
// or else its exit.
func (p *hookPod) judge(ctx context.Context, pod *corev1.Pod) []HookFailure {
	failures := p.failed
	container, how := "", ""
	if hasFailed(pod) {
		container, how = exit(pod)
		how = p.Redact(how)
	}
	whole := HookFailure{Hook: p.hook, Message: p.tap.Problem()}
	switch {
	case whole.Message != "" && how != "":
		whole.Message += "; " + how
	case whole.Message == "" && how != "" && len(failures) == 0:
		whole.Message = how
		if container != "" && container != p.container {
			whole.Message = "container " + container + ": " + how
		}
		whole.Log = p.tailOf(ctx, pod.Name, container)
	case whole.Message == "":
		return failures
	}
	return append(failures, whole)
}
