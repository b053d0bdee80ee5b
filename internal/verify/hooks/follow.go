package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/sleep"
	"tkdeploy.dev/tkdeploy/internal/tap"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// ExitCodeFunc reads the exit code of a container from the node's runtime. id is
// the container ID in the pod status. ok is false if the code is not available.
type ExitCodeFunc func(ctx context.Context, node, id string) (code int, ok bool)

// podFollower follows a bare Pod, or a pod of a Job, to its end.
type podFollower struct {
	runner    *pods.Runner
	exit      ExitCodeFunc // nil: wait for the kubelet
	hook      string
	container string
	attempt   *attempt
}

func newPodFollower(runner *pods.Runner, hook string, exit ExitCodeFunc) *podFollower {
	return &podFollower{runner: runner, exit: exit, hook: hook, attempt: &attempt{}}
}

// attempt is the output of one process.
type attempt struct {
	restarts    int32
	lines       int // read so far
	tap         tap.Parser
	tail        []string // last lines that are not TAP
	failed      []Failure
	exitQueried bool
}

func (f *podFollower) run(ctx context.Context, pod *corev1.Pod) result {
	pod, err := f.follow(ctx, pod)
	if err != nil {
		return f.result(err)
	}
	result := f.result(nil)
	result.ended = true
	result.failures = f.failures(ctx, pod)
	result.startError = pods.StartError(pod)
	return result
}

// follow returns the pod once it has ended and its log is read. It reopens a
// broken or silent log and skips known lines.
func (f *podFollower) follow(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	f.container, f.attempt = defaultContainer(pod), &attempt{}
	pod, err := f.runner.AwaitStart(ctx, pod)
	if err != nil {
		return nil, err
	}
	w := f.runner.Watcher(pod.Name)
	var ended time.Time
	for {
		if pod, _, err = w.Until(ctx, pod, pods.Forever, f.hasLog); err != nil {
			return nil, err
		}
		over := hasEnded(pod)
		if over && ended.IsZero() {
			ended = time.Now()
		}
		f.beginAttempt(pod)
		if over {
			err = f.readLog(ctx, pod.Name, true)
		} else {
			pod, err = f.followLog(ctx, w, pod)
		}
		switch {
		case over && (err == nil || !pods.IsTransient(err) || time.Since(ended) > f.runner.Client.APITimeout):
			f.report(f.attempt.tap.End())
			return pod, ctx.Err()
		case err != nil && !pods.IsTransient(err):
			return nil, pods.Inconclusive(fmt.Errorf("read the log of %s %s: %w", f.runner.Subject, pod.Name, err))
		case err != nil:
			sleep.For(ctx, f.runner.Client.RetryInterval)
			pod, err = f.runner.Get(ctx, pod.Name)
		case !over: // the process ended or the connection broke
			pod, _, err = w.Until(ctx, pod, f.runner.Client.IdleTimeout, f.hasMoreLog)
		}
		if err != nil {
			return nil, err
		}
	}
}

func defaultContainer(pod *corev1.Pod) string {
	return cmp.Or(pod.Annotations["kubectl.kubernetes.io/default-container"], pod.Spec.Containers[0].Name)
}

// status returns a pointer into pod, or an empty status.
func (f *podFollower) status(pod *corev1.Pod) *corev1.ContainerStatus {
	i := slices.IndexFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == f.container })
	if i < 0 {
		return &corev1.ContainerStatus{}
	}
	return &pod.Status.ContainerStatuses[i]
}

// hasLog reports whether the container has a log, or never will.
func (f *podFollower) hasLog(pod *corev1.Pod) (bool, error) {
	if hasEnded(pod) || pods.HasRun(*f.status(pod)) {
		return true, nil
	}
	return false, f.runner.Stuck(pod)
}

func (f *podFollower) hasMoreLog(pod *corev1.Pod) (bool, error) {
	return hasEnded(pod) || f.status(pod).RestartCount > f.attempt.restarts, nil
}

func (f *podFollower) beginAttempt(pod *corev1.Pod) {
	if restarts := f.status(pod).RestartCount; restarts > f.attempt.restarts {
		f.attempt = &attempt{restarts: restarts}
	}
}

// followLog reads the log until it or the pod ends. A followed log stays open
// for up to a second after its container has terminated.
func (f *podFollower) followLog(ctx context.Context, w pods.Watcher[*corev1.Pod], pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var last *corev1.Pod
	over := false
	var watching sync.WaitGroup
	watching.Go(func() {
		last, over, _ = w.Until(ctx, pod, pods.Forever, func(pod *corev1.Pod) (bool, error) { return hasEnded(pod), nil })
		if over { // any other result shows up when the log ends
			stop()
		}
	})
	var passed *corev1.Pod
	err := f.readLog(ctx, pod.Name, false)
	if errors.Is(err, errAllPassed) {
		if passed = f.passed(ctx, pod); passed == nil {
			err = f.readLog(ctx, pod.Name, false)
		}
	}
	stop()
	watching.Wait()
	switch {
	case over:
		return last, nil
	case passed != nil:
		return passed, nil
	}
	return pod, err
}

// passed queries the node's runtime after the last planned step, because the
// kubelet polls only once a second. It returns nil unless the container exited 0.
func (f *podFollower) passed(ctx context.Context, pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	status := f.status(pod)
	id := status.ContainerID
	status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", ContainerID: id}}
	if !hasEnded(pod) {
		return nil
	}
	if code, ok := f.exit(ctx, pod.Spec.NodeName, id); !ok || code != 0 {
		return nil
	}
	return pod
}

func (f *podFollower) result(err error) result {
	return result{failures: f.attempt.failed, hasSteps: f.attempt.tap.Count() > 0, lastStep: f.attempt.tap.Last().Name, err: err}
}

// failures returns the failed steps, and the pod as a whole if its TAP is
// incomplete or nothing else explains its exit code.
func (f *podFollower) failures(ctx context.Context, pod *corev1.Pod) []Failure {
	failures := f.attempt.failed
	container, reason := "", ""
	if hasFailed(pod) {
		container, reason = exitReason(pod)
		reason = f.runner.Client.Redact(reason)
	}
	whole := Failure{Hook: f.hook, Message: f.attempt.tap.Problem()}
	switch {
	case whole.Message != "" && reason != "":
		whole.Message += "; " + reason
	case whole.Message == "" && reason != "" && len(failures) == 0:
		whole.Message = reason
		if container != "" && container != f.container {
			whole.Message = "container " + container + ": " + reason
		}
		whole.Log = f.logTail(ctx, pod.Name, container)
	case whole.Message == "":
		return failures
	}
	return append(failures, whole)
}
