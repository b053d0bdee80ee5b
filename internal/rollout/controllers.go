package rollout

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// controller lists the causes that the workload's controller shows, pods or not.
func (j *judge) controller(pods []*corev1.Pod) []Cause {
	found := j.refused(pods)
	switch w := j.workload.(type) {
	case *appsv1.Deployment:
		found = append(found, j.deployment(w)...)
	case *batchv1.Job:
		found = append(found, j.job(w, pods)...)
	}
	return found
}

// workloadCause is a cause of the workload itself.
func (j *judge) workloadCause(code Code, since time.Time) Cause {
	return Cause{
		Code: code, Since: since, born: j.workload.GetCreationTimestamp().Time,
		Command: fmt.Sprintf("kubectl --namespace %s describe %s", j.object.Namespace, kubectlName(j.object)),
	}
}

func (j *judge) deployment(d *appsv1.Deployment) []Cause {
	if d.Spec.Paused {
		c := j.workloadCause(RolloutPaused, j.now).after(0)
		c.evidence = j.now
		c.Message = "is paused: its new revision is not rolled out"
		c.Hint = "Resume it, or set spec.paused to false in the chart."
		c.Command = fmt.Sprintf("kubectl --namespace %s rollout resume %s", j.object.Namespace, kubectlName(j.object))
		return []Cause{c}
	}
	if d.Status.ObservedGeneration < d.Generation {
		return nil
	}
	for _, cond := range d.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse && cond.Reason == "ProgressDeadlineExceeded" {
			c := j.workloadCause(ProgressDeadline, cond.LastUpdateTime.Time).after(0)
			c.evidence = cond.LastUpdateTime.Time
			if set := j.newReplicaSet(d); set != nil {
				c.born = set.CreationTimestamp.Time
			}
			c.Message = "made no progress within its progressDeadlineSeconds"
			c.Detail = []string{oneLine(cond.Message)}
			c.Hint = "Look at its newest pods."
			return []Cause{c}
		}
	}
	return nil
}

func (j *judge) job(job *batchv1.Job, pods []*corev1.Pod) []Cause {
	if paused(job) {
		c := j.workloadCause(RolloutPaused, j.now).after(0)
		c.evidence = j.now
		c.Message = "is suspended: it does not start"
		c.Hint = "Set spec.suspend to false."
		return []Cause{c}
	}
	for _, cond := range job.Status.Conditions {
		if cond.Status != corev1.ConditionTrue || cond.Type != batchv1.JobFailed && cond.Type != batchv1.JobFailureTarget {
			continue
		}
		c := j.workloadCause(JobFailed, cond.LastTransitionTime.Time).after(0)
		c.evidence = j.now // a Job does not try again once it has failed
		c.Message = fmt.Sprintf("gave up: %s", orElse(oneLine(cond.Message), cond.Reason))
		c.Detail = []string{fmt.Sprintf("%s of its pods, reason %s", times(job.Status.Failed, "failure"), cond.Reason)}
		c.Hint = "Read the log of its last pod."
		j.lastRun(&c, pods)
		return []Cause{c}
	}
	return nil
}

// lastRun points a Job's cause at the container that failed last.
func (j *judge) lastRun(c *Cause, pods []*corev1.Pod) {
	var newest time.Time
	for _, pod := range pods {
		for _, s := range containerStatuses(pod) {
			end := s.State.Terminated
			if end == nil || end.ExitCode == 0 || end.FinishedAt.Time.Before(newest) {
				continue
			}
			newest = end.FinishedAt.Time
			c.Pods, c.Container = []string{pod.Name}, s.Name
			c.Log = &Log{Pod: pod.Name, Container: s.Name}
			c.Detail = append(c.Detail[:1], endLine(end))
			c.Command = fmt.Sprintf("kubectl --namespace %s logs %s --container %s", pod.Namespace, pod.Name, s.Name)
		}
	}
}

// A refusal is a kind of answer that admission gives when a controller creates
// a pod.
type refusal struct {
	signs *regexp.Regexp
	code  Code
	what  string
	hint  string
	grace func(Limits) time.Duration
}

// refusals are tried in their order. The words are the API server's.
var refusals = []refusal{
	{
		regexp.MustCompile(`exceeded quota|failed quota`), QuotaExceeded, "a quota refuses its pods",
		"Raise the namespace's ResourceQuota, or lower the workload's replicas or requests.",
		func(l Limits) time.Duration { return l.Quota },
	},
	{
		regexp.MustCompile(`violates PodSecurity`), PodSecurity, "the namespace's pod security level refuses its pods",
		"Fix the named fields of the pod's and the containers' securityContext in the chart.",
		func(l Limits) time.Duration { return l.Refuse },
	},
	{
		regexp.MustCompile(`failed calling webhook`), WebhookUnavailable, "an admission webhook does not answer",
		"Look at the pods of the webhook's service.",
		func(l Limits) time.Duration { return l.Webhook },
	},
	{
		regexp.MustCompile(`admission webhook .* denied|ValidatingAdmissionPolicy`), WebhookDenied, "an admission rule refuses its pods",
		"The rule's own words are above: fix what it names, or the rule.",
		func(l Limits) time.Duration { return l.Refuse },
	},
	{
		regexp.MustCompile(`error looking up service account`), PodRefused, "its service account does not exist",
		"Create the service account, or fix serviceAccountName in the chart.",
		func(l Limits) time.Duration { return l.Quota },
	},
	{
		regexp.MustCompile(`is forbidden|is invalid`), PodRefused, "the API server refuses its pods",
		"Fix what the message names.",
		func(l Limits) time.Duration { return l.Refuse },
	},
}

// refused judges a workload whose controller cannot create pods.
func (j *judge) refused(pods []*corev1.Pod) []Cause {
	failed, born := j.failedCreate(pods)
	if !failed.seen() {
		return nil
	}
	for _, r := range refusals {
		if !r.signs.MatchString(failed.message) {
			continue
		}
		c := j.workloadCause(r.code, failed.first).after(r.grace(j.limits))
		c.evidence, c.born = failed.last, born
		c.Message = r.what
		c.Detail = []string{oneLine(strings.TrimPrefix(failed.message, "Error creating: "))}
		c.Hint = r.hint
		return []Cause{c}
	}
	return nil
}

// failedCreate is the controller's last failure to create a pod, unless it has
// created one since, and when the object that failed was created. A Deployment's
// pods are created by its ReplicaSet, which says so in a condition, too.
func (j *judge) failedCreate(pods []*corev1.Pod) (sign, time.Time) {
	about, born := j.workload.GetUID(), j.workload.GetCreationTimestamp().Time
	if d, ok := j.workload.(*appsv1.Deployment); ok {
		set := j.newReplicaSet(d)
		if set == nil {
			return sign{}, born
		}
		if s := replicaFailure(set); s.seen() || int32(len(pods)) >= orOne(set.Spec.Replicas) {
			return s, set.CreationTimestamp.Time
		}
		about, born = set.UID, set.CreationTimestamp.Time
	}
	failed := j.sign(about, reason("FailedCreate", ""))
	created := j.sign(about, reason("SuccessfulCreate", ""))
	if created.seen() && !failed.last.After(created.last) {
		return sign{}, born
	}
	return failed, born
}

func replicaFailure(set *appsv1.ReplicaSet) sign {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			at := c.LastTransitionTime.Time
			return sign{message: c.Message, first: at, last: at, count: 1}
		}
	}
	return sign{}
}
