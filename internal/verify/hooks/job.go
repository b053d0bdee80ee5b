package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/sleep"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// jobFollower follows the pods of a Job, oldest first, until the Job ends.
type jobFollower struct {
	client    *pods.Client
	namespace string
	pod       *podFollower
	ended     *corev1.Pod // the last pod followed to its end
	seen      map[types.UID]bool
}

func newJobFollower(runner *pods.Runner, hook string) *jobFollower {
	return &jobFollower{
		client:    runner.Client,
		namespace: runner.Namespace,
		pod:       newPodFollower(runner, hook, nil), // the Job would not end earlier
		seen:      map[types.UID]bool{},
	}
}

func (f *jobFollower) run(ctx context.Context, job *batchv1.Job) result {
	job, err := f.follow(ctx, job)
	if err != nil {
		return f.pod.result(err)
	}
	result := f.pod.result(nil)
	result.ended = true
	result.failures = f.failures(ctx, job)
	if f.ended != nil && len(f.seen) == 1 {
		result.startError = pods.StartError(f.ended)
	}
	return result
}

func (f *jobFollower) follow(ctx context.Context, job *batchv1.Job) (*batchv1.Job, error) {
	w := pods.Watcher[*batchv1.Job]{
		Client: f.client,
		Watch:  f.client.API.BatchV1().Jobs(f.namespace).Watch,
		Get:    func(ctx context.Context) (*batchv1.Job, error) { return f.get(ctx, job.Name) },
	}
	timeout := f.client.StartTimeout
	for {
		current, changed, err := w.Until(ctx, job, timeout, f.hasChanged)
		if err != nil {
			return nil, err
		}
		if !changed {
			return nil, f.noPodError(ctx, job)
		}
		created, err := f.newPods(ctx, job)
		switch {
		case err != nil:
			return nil, err
		case len(created) == 0 && finalCondition(current) != nil:
			return current, nil
		case len(created) == 0: // in the status but not listed yet
			sleep.For(ctx, f.client.RetryInterval)
		}
		if err := f.followPods(ctx, created); err != nil {
			return nil, err
		}
		if job, err = w.Get(ctx); err != nil {
			return nil, err
		}
		timeout = pods.Forever
	}
}

func (f *jobFollower) followPods(ctx context.Context, created []corev1.Pod) error {
	for i := range created {
		f.seen[created[i].UID] = true
		ended, err := f.pod.follow(ctx, &created[i])
		switch {
		case errors.Is(err, pods.ErrDeleted): // by the Job controller; the Job has the reason
		case err != nil:
			return err
		default:
			f.ended = ended
		}
	}
	return nil
}

func (f *jobFollower) hasChanged(job *batchv1.Job) (bool, error) {
	created := int(job.Status.Active + job.Status.Succeeded + job.Status.Failed)
	return finalCondition(job) != nil || created > len(f.seen), nil
}

func (f *jobFollower) get(ctx context.Context, name string) (job *batchv1.Job, err error) {
	err = f.client.Retry(ctx, "get Job "+name, func(ctx context.Context) error {
		job, err = f.client.API.BatchV1().Jobs(f.namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, pods.Inconclusive(fmt.Errorf("the Job %s %w", name, pods.ErrDeleted))
	}
	return job, err
}

// newPods returns pods not followed yet, oldest first.
func (f *jobFollower) newPods(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	var list *corev1.PodList
	err := f.client.Retry(ctx, "list the pods of Job "+job.Name, func(ctx context.Context) (err error) {
		list, err = f.client.API.CoreV1().Pods(f.namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.Set{jobLabel: job.Name}.String()})
		return err
	})
	if err != nil {
		return nil, err
	}
	created := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return f.seen[p.UID] || !metav1.IsControlledBy(&p, job) })
	slices.SortFunc(created, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return created, nil
}

// noPodError quotes the Job controller's warning about a quota or policy.
func (f *jobFollower) noPodError(ctx context.Context, job *batchv1.Job) error {
	late := fmt.Errorf("no pod of Job %s was created within %s", job.Name, f.client.StartTimeout)
	warning, err := f.pod.runner.LastWarning(ctx, job.Name)
	if err != nil || warning == "" {
		return pods.Inconclusive(errors.Join(late, err))
	}
	hint := fmt.Sprintf("%s -n %s describe job %s", f.client.Kubectl, f.namespace, job.Name)
	return fault.New(fault.Smoke, fmt.Errorf("%w: %s", late, warning), hint)
}

func (f *jobFollower) failures(ctx context.Context, job *batchv1.Job) []Failure {
	var failures []Failure
	if f.ended != nil {
		failures = f.pod.failures(ctx, f.ended)
	}
	if end := finalCondition(job); end.Type == batchv1.JobFailed && len(failures) == 0 {
		message := f.client.Redact(fmt.Sprintf("Job failed, %s: %s", end.Reason, end.Message))
		attempt := f.pod.attempt
		failures = append(attempt.failed, Failure{Hook: f.pod.hook, Message: message, Log: attempt.tail})
	}
	return failures
}
