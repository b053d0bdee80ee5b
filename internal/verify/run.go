package verify

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// run is one call of [Runner.Verify].
type run struct {
	runner   *Runner
	pods     *pods.Runner
	reporter event.Reporter
	checks   []probe.Check
	results  map[string]probe.Result // by ID
	pod      *corev1.Pod
}

func (r *Runner) newRun(smokeChecks []probe.Check, reporter event.Reporter) *run {
	runner := &pods.Runner{
		Client:    r.pods,
		Namespace: r.options.Namespace,
		Reporter:  reporter,
		Subject:   "smoke test pod",
		Resources: "10m CPU and 16Mi memory, with limits of 500m and 128Mi",
		PullHint:  "load the probe image: tkdeploy up --only load; or set verify.image to an image that the cluster can pull",
	}
	return &run{runner: r, pods: runner, reporter: reporter, checks: smokeChecks, results: map[string]probe.Result{}}
}

// execute runs the checks. Call cleanUp afterwards, even after an error.
func (r *run) execute(ctx context.Context) error {
	if len(r.checks) == 0 {
		return nil
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	pod, err := r.start(ctx)
	if err == nil && pods.StartError(pod) != "" {
		r.pods.WarnRetry(r.pods.Subject, pods.StartError(pod))
		r.pods.Remove(ctx, pod)
		pod, err = r.start(ctx)
	}
	r.pod = pod
	if err != nil {
		return err
	}
	if err := r.collect(ctx, pod.Name); err != nil {
		return err
	}
	return r.runner.verdict(r.ordered())
}

func (r *run) cleanUp(ctx context.Context) {
	if r.pod != nil {
		r.pods.Remove(ctx, r.pod)
	}
}

func (r *run) prepare(ctx context.Context) error {
	var adding sync.WaitGroup
	adding.Go(func() { r.addPolicyCheck(ctx) })
	err := r.deleteOldPods(ctx)
	adding.Wait()
	return err
}

// addPolicyCheck reports errors but does not fail.
func (r *run) addPolicyCheck(ctx context.Context) {
	check, found, err := r.runner.policyCheck(ctx)
	switch {
	case found:
		r.checks = append(slices.Clip(r.checks), check)
	case err != nil && ctx.Err() == nil:
		message := probe.UnknownPolicies + r.runner.options.Redact(err.Error())
		r.reporter.Report(event.Finished(checks.NetworkPolicies, event.Done, message, 0, 0))
	}
}

// deleteOldPods deletes the pods of killed runs.
func (r *run) deleteOldPods(ctx context.Context) error {
	var old *corev1.PodList
	err := r.pods.Client.Retry(ctx, "list pods of earlier smoke tests", func(ctx context.Context) (err error) {
		selector := labels.Set(r.runner.labels()).String()
		old, err = r.pods.Client.API.CoreV1().Pods(r.pods.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		return err
	})
	if err != nil {
		return err
	}
	for _, pod := range old.Items {
		if err := r.pods.Delete(ctx, pod.Name); err != nil {
			return err
		}
	}
	return nil
}

// start may return a pod with an error. It must be deleted too.
func (r *run) start(ctx context.Context) (*corev1.Pod, error) {
	pod, err := r.runner.newPod(r.checks)
	if err != nil {
		return nil, err
	}
	created, err := r.pods.Create(ctx, pod)
	if err != nil {
		return pod, err
	}
	started, err := r.pods.AwaitStart(ctx, created)
	if err != nil {
		return pod, err
	}
	return started, nil
}

func (r *run) ordered() []probe.Result {
	var results []probe.Result
	for _, c := range r.checks {
		if result, ok := r.results[c.ID]; ok {
			results = append(results, result)
		}
	}
	return results
}
