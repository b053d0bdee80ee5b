package hooks

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// tryTwice creates the hook again if the node could not start it.
func (r *Runner) tryTwice(ctx context.Context, hook Hook) result {
	first := r.try(ctx, hook)
	if first.startError == "" || ctx.Err() != nil || r.delete(ctx, hook) != nil {
		return first
	}
	runner := r.podRunner(hook)
	runner.WarnRetry(hook.Name+": "+runner.Subject, first.startError)
	return r.try(ctx, hook)
}

func (r *Runner) try(ctx context.Context, hook Hook) result {
	if hook.Resource.Empty() {
		err := fmt.Errorf("the cluster does not know the kind %s", hook.Object.GroupVersionKind())
		return result{ended: true, err: fault.New(fault.Smoke, err, "install the definition of the kind, or skip the hook with verify.skip")}
	}
	if hook.has(beforeCreation) {
		if err := r.delete(ctx, hook); err != nil {
			return result{ended: !hook.isTest(), err: err}
		}
	}
	created, exists, err := r.create(ctx, hook)
	switch {
	case err != nil:
		return result{ended: !hook.isTest() || exists, err: err}
	case hook.isPod():
		return r.followPod(ctx, hook, created)
	case hook.isJob():
		return r.followJob(ctx, hook, created)
	}
	return result{ended: true}
}

func (r *Runner) followPod(ctx context.Context, hook Hook, created *unstructured.Unstructured) result {
	pod := &corev1.Pod{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(created.Object, pod); err != nil {
		return result{err: fmt.Errorf("read Pod %s: %w", created.GetName(), err)}
	}
	return newPodFollower(r.podRunner(hook), hook.Name, r.Exit).run(ctx, pod)
}

func (r *Runner) followJob(ctx context.Context, hook Hook, created *unstructured.Unstructured) result {
	job := &batchv1.Job{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(created.Object, job); err != nil {
		return result{err: fmt.Errorf("read Job %s: %w", created.GetName(), err)}
	}
	return newJobFollower(r.podRunner(hook), hook.Name).run(ctx, job)
}

func (r *Runner) podRunner(hook Hook) *pods.Runner {
	return &pods.Runner{
		Client:    r.Pods,
		Namespace: hook.Object.GetNamespace(),
		Reporter:  r.Reporter,
		Subject:   "pod",
		Resources: "the resources in its chart",
		PullHint:  "add its image to tkdeploy.yaml, so that tkdeploy loads it into the cluster",
	}
}
