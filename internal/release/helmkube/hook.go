package helmkube

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// RunningHook is a hook that runs.
type RunningHook struct {
	Jobs    []unstructured.Unstructured // its Jobs and Pods
	Release []unstructured.Unstructured // the objects that the action has applied before it
}

// HookWatcher waits until the Jobs of a hook are complete. It returns the reason as soon
// as a Job or Pod cannot become so, or when timeout is over. It may return nil before
// a Pod is complete, and must return when ctx ends. redact removes the contents of the
// release's Secrets.
type HookWatcher func(ctx context.Context, hook RunningHook, timeout time.Duration, redact func(string) string, report event.Reporter) error

// HookError is the error of a hook that did not complete.
type HookError struct {
	Event string // "pre-upgrade"
	Err   error  // of the [HookWatcher], or of Helm
}

func (e *HookError) Error() string { return fmt.Sprintf("%s hook: %v", e.Event, e.Err) }

// Unwrap returns Err.
func (e *HookError) Unwrap() error { return e.Err }

func (o *Operation) await(hook RunningHook, wait func() error) error {
	o.mu.Lock()
	phase := "pre-"
	if o.extent != None {
		phase = "post-"
	}
	for _, each := range hook.Jobs {
		o.hooks = append(o.hooks, each.GetName())
	}
	o.mu.Unlock()
	err := wait()
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.failure = &HookError{phase + string(o.action), err}
	}
	return err
}

// hookOf returns the name of the hook that a pod belongs to, or that of the pod.
func (o *Operation) hookOf(pod string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := ""
	for _, name := range o.hooks {
		if len(name) > len(found) && (pod == name || strings.HasPrefix(pod, name+"-")) {
			found = name
		}
	}
	if found == "" {
		return pod
	}
	return found
}
