package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// A hookJob follows a Job: each of its pods in the order of their creation,
// until the Job itself says that it is complete or has failed.
type hookJob struct {
	*hookPod
	ended *corev1.Pod // the last pod that was followed to its end
	seen  map[types.UID]bool
}

func (h *hookRun) followJob(ctx context.Context, hook Hook, created *unstructured.Unstructured) ending {
	job := &batchv1.Job{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(created.Object, job); err != nil {
		return ending{err: fmt.Errorf("read Job %s: %w", created.GetName(), err)}
	}
	j := &hookJob{hookPod: h.hookPod(hook), seen: map[types.UID]bool{}}
	j.Exit = nil // the Job says it no sooner
	job, err := j.follow(ctx, job)
	if err != nil {
		return j.ending(err)
	}
	end := j.ending(nil)
	end.over = true
	end.failures = j.judge(ctx, job)
	if j.ended != nil && len(j.seen) == 1 {
		end.unstarted = unstarted(j.ended)
	}
	return end
}

// follow returns the Job when it is over.
func (j *hookJob) follow(ctx context.Context, job *batchv1.Job) (*batchv1.Job, error) {
	jobs := j.Client.BatchV1().Jobs(j.Namespace)
	w := watched[*batchv1.Job]{Runner: &j.Runner, watch: jobs.Watch, look: func(ctx context.Context) (*batchv1.Job, error) {
		return j.lookAtJob(ctx, job.Name)
	}}
	within := j.StartTimeout
	for {
		now, moved, err := w.await(ctx, job, within, j.moved)
		if err != nil {
			return nil, err
		}
		if !moved {
			return nil, j.neverMade(ctx, job)
		}
		pods, err := j.newPods(ctx, job)
		switch {
		case err != nil:
			return nil, err
		case len(pods) == 0 && condition(now) != nil:
			return now, nil
		case len(pods) == 0: // counted, and not listed yet
			probe.Wait(ctx, j.RetryInterval)
		}
		if err := j.followPods(ctx, pods); err != nil {
			return nil, err
		}
		if job, err = w.look(ctx); err != nil {
			return nil, err
		}
		within = forEver
	}
}

func (j *hookJob) followPods(ctx context.Context, pods []corev1.Pod) error {
	for i := range pods {
		j.seen[pods[i].UID] = true
		ended, err := j.hookPod.follow(ctx, &pods[i])
		switch {
		case errors.Is(err, errGone): // by the Job's controller: the Job says why
		case err != nil:
			return err
		default:
			j.ended = ended
		}
	}
	return nil
}

// moved says that the Job is over or has made a pod that was not seen yet.
func (j *hookJob) moved(job *batchv1.Job) (bool, error) {
	made := int(job.Status.Active + job.Status.Succeeded + job.Status.Failed)
	return condition(job) != nil || made > len(j.seen), nil
}

// condition is the one that ends a Job, or nil.
func condition(job *batchv1.Job) *batchv1.JobCondition {
	i := slices.IndexFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
	if i < 0 {
		return nil
	}
	return &job.Status.Conditions[i]
}

func (j *hookJob) lookAtJob(ctx context.Context, name string) (job *batchv1.Job, err error) {
	err = j.persist(ctx, "look at Job "+name, func(ctx context.Context) error {
		job, err = j.Client.BatchV1().Jobs(j.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, undecided(fmt.Errorf("its Job %s %w", name, errGone))
	}
	return job, err
}

// newPods are the Job's pods that were not followed yet, the oldest first.
func (j *hookJob) newPods(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	var pods *corev1.PodList
	err := j.persist(ctx, "list the pods of Job "+job.Name, func(ctx context.Context) (err error) {
		pods, err = j.Client.CoreV1().Pods(j.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.Set{jobLabel: job.Name}.String()})
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return j.seen[p.UID] || !metav1.IsControlledBy(&p, job) })
	slices.SortFunc(fresh, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return fresh, nil
}

// neverMade tells why a Job makes no pod: a quota or a policy, which its
// controller notes as a warning.
func (j *hookJob) neverMade(ctx context.Context, job *batchv1.Job) error {
	late := fmt.Errorf("its Job %s makes no pod within %s", job.Name, probe.InWords(j.StartTimeout))
	warning, err := j.lastWarning(ctx, job.Name)
	if err != nil || warning == "" {
		return undecided(errors.Join(late, err))
	}
	look := fmt.Sprintf("%s -n %s describe job %s", j.Kubectl, j.Namespace, job.Name)
	return fault.New(fault.Smoke, fmt.Errorf("%w: %s", late, warning), look)
}

// judge goes by the Job's condition, and tells of its last pod.
func (j *hookJob) judge(ctx context.Context, job *batchv1.Job) []HookFailure {
	failed := condition(job).Type == batchv1.JobFailed
	var failures []HookFailure
	if j.ended != nil {
		failures = j.hookPod.judge(ctx, j.ended)
	}
	if failed && len(failures) == 0 {
		c := condition(job)
		message := j.Redact(fmt.Sprintf("its Job failed, %s: %s", c.Reason, c.Message))
		failures = append(j.failed, HookFailure{Hook: j.hook, Message: message, Log: j.tail})
	}
	return failures
}
