package health

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/health/custom"
	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/health/rejection"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func (d *diagnoser) diagnoseController(pods []*corev1.Pod) []Cause {
	found := d.rejectedPods(pods)
	switch w := d.workload.(type) {
	case *appsv1.Deployment:
		found = append(found, d.deployment(w)...)
	case *batchv1.Job:
		found = append(found, d.job(w, pods)...)
	case *unstructured.Unstructured:
		found = append(found, d.custom(w)...)
	}
	return found
}

func (d *diagnoser) deployment(w *appsv1.Deployment) []Cause {
	if w.Spec.Paused {
		c := d.workloadCause(RolloutPaused, d.now)
		c.Message = "paused: the new revision is not rolled out"
		c.Hint = "resume the rollout"
		c.Waiting = "waiting until it is resumed"
		if d.index.snapshot.Suspended[d.object] {
			c = c.after(0)
			c.evidence, c.Waiting = d.now, ""
			c.Message += "; the chart sets spec.paused"
			c.Hint = "remove spec.paused from the chart"
		}
		c.Command = kubectl(d.object.Namespace, "rollout", "resume", kubectlName(d.object))
		return []Cause{c}
	}
	if w.Status.ObservedGeneration < w.Generation {
		return nil
	}
	for _, cond := range w.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse && cond.Reason == "ProgressDeadlineExceeded" {
			c := d.workloadCause(ProgressDeadline, cond.LastUpdateTime.Time).after(0)
			c.evidence, c.remedy = cond.LastUpdateTime.Time, readyRelease
			if set := d.index.newReplicaSet(w); set != nil {
				c.born = set.CreationTimestamp.Time
			}
			c.Message = "no progress within progressDeadlineSeconds"
			c.Detail = []string{text.OneLine(cond.Message)}
			c.Hint = "check its newest pods"
			return []Cause{c}
		}
	}
	return nil
}

func (d *diagnoser) job(job *batchv1.Job, pods []*corev1.Pod) []Cause {
	if paused(job) {
		c := d.workloadCause(RolloutPaused, d.now) // never fatal: a queue such as Kueue resumes it
		c.Message = "suspended: the Job does not start"
		c.Hint = "resume it, or set spec.suspend to true in the chart if it is suspended on purpose"
		c.Waiting = "waiting until it is resumed"
		return []Cause{c}
	}
	for _, cond := range job.Status.Conditions {
		if cond.Status != corev1.ConditionTrue || cond.Type != batchv1.JobFailed && cond.Type != batchv1.JobFailureTarget {
			continue
		}
		c := d.workloadCause(JobFailed, cond.LastTransitionTime.Time).after(0)
		c.evidence = d.now // a failed Job does not retry
		c.Message = fmt.Sprintf("failed: %s", cmp.Or(text.OneLine(cond.Message), cond.Reason))
		c.Detail = []string{fmt.Sprintf("%s, reason %s", text.Plural(job.Status.Failed, "failed pod"), cond.Reason)}
		c.Hint = "check the log of its last pod"
		d.lastRun(&c, pods)
		return []Cause{c}
	}
	return nil
}

func (d *diagnoser) lastRun(c *Cause, pods []*corev1.Pod) {
	var newest time.Time
	for _, pod := range pods {
		for _, s := range containerStatuses(pod) {
			end := s.State.Terminated
			if end == nil || end.ExitCode == 0 || end.FinishedAt.Time.Before(newest) {
				continue
			}
			newest = end.FinishedAt.Time
			c.Pods, c.Nodes = []string{pod.Name}, []string{pod.Spec.NodeName}
			c.Log = &Log{Pod: pod.Name, Container: s.Name}
			c.Detail = append(c.Detail[:1], fmt.Sprintf("container %s: %s", s.Name, exits.Line(end)))
			c.Command = kubectl(pod.Namespace, "logs", pod.Name, "--container", s.Name)
		}
	}
}

func (d *diagnoser) rejectedPods(pods []*corev1.Pod) []Cause {
	failed, born := d.failedCreate(pods)
	if !failed.Seen() {
		return nil
	}
	r, ok := rejection.Classify(failed.Message)
	if !ok {
		return nil
	}
	c := d.workloadCause(rejectedFor[r.Kind], failed.First)
	c.evidence, c.born = failed.Last, born
	c.Message = r.Message
	c.Detail = []string{text.OneLine(strings.TrimPrefix(failed.Message, "Error creating: "))}
	c.Hint = r.Hint
	switch r.Kind {
	case rejection.Quota:
		c = c.after(d.thresholds.Quota)
		c.remedy = freeRoom
		// the controller's back-off doubles: it tries again after as long as it has failed
		slack := max(d.thresholds.Freed, d.index.snapshot.lastEnding.Sub(failed.First))
		d.awaitEnd(&c, slack, func(p *corev1.Pod) bool { return p.Namespace == d.object.Namespace })
	case rejection.WebhookAway:
		c = c.after(d.thresholds.Webhook)
		c.remedy = readyRelease
	case rejection.NoServiceAccount:
		c = c.after(d.thresholds.Quota)
		c.remedy = readyRelease
		if rejection.IsDefaultAccount(failed.Message) {
			c = c.after(d.thresholds.Default)
		}
	default:
		c = c.after(d.thresholds.Admission)
	}
	return []Cause{c}
}

var rejectedFor = map[rejection.Kind]Reason{
	rejection.Quota: QuotaExceeded, rejection.PodSecurity: PodSecurity, rejection.WebhookAway: WebhookUnavailable,
	rejection.WebhookDenied: WebhookDenied, rejection.NoServiceAccount: PodRefused, rejection.Other: PodRefused,
}

// failedCreate summarizes the failures to create a pod, unless one was created
// since. It also returns the creation time of the failing object, for a
// Deployment its ReplicaSet.
func (d *diagnoser) failedCreate(pods []*corev1.Pod) (events.Summary, time.Time) {
	about, born := d.workload.GetUID(), d.workload.GetCreationTimestamp().Time
	if w, ok := d.workload.(*appsv1.Deployment); ok {
		set := d.index.newReplicaSet(w)
		if set == nil {
			return events.Summary{}, born
		}
		if s := replicaFailure(set); s.Seen() || int32(len(pods)) >= orOne(set.Spec.Replicas) {
			s.Last = latest(s.Last, d.index.summarize(set.UID, events.WithReason("FailedCreate", "")).Last)
			return s, set.CreationTimestamp.Time
		}
		about, born = set.UID, set.CreationTimestamp.Time
	}
	failed := d.index.summarize(about, events.WithReason("FailedCreate", ""))
	created := d.index.summarize(about, events.WithReason("SuccessfulCreate", ""))
	if created.Seen() && !failed.Last.After(created.Last) {
		return events.Summary{}, born
	}
	return failed, born
}

func replicaFailure(set *appsv1.ReplicaSet) events.Summary {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			at := c.LastTransitionTime.Time
			return events.Summary{Message: c.Message, First: at, Last: at, Count: 1}
		}
	}
	return events.Summary{}
}

// endedPod returns the cause of a Pod that failed. No controller replaces it.
func (d *diagnoser) endedPod(pod *corev1.Pod) Cause {
	c := d.workloadCause(PodFailed, pod.CreationTimestamp.Time).after(0)
	c.evidence = d.now
	c.Message = "failed, and no controller replaces it"
	c.Detail = []string{text.OneLine(cmp.Or(pod.Status.Message, pod.Status.Reason, "restart policy "+string(pod.Spec.RestartPolicy)))}
	c.Hint = "check its log; to run it again, delete it and run the deployment again"
	d.lastRun(&c, []*corev1.Pod{pod})
	return c
}

// custom returns the condition of a custom resource. It is never fatal: controllers
// retry.
func (d *diagnoser) custom(o *unstructured.Unstructured) []Cause {
	verdict, reason := custom.Judge(o)
	if verdict != custom.NotReady {
		return nil
	}
	c := d.workloadCause(NotReady, o.GetCreationTimestamp().Time)
	c.Message = reason
	c.Hint = "check the log of the controller of its kind"
	return []Cause{c}
}
