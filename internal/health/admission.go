package health

import (
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// A refusal is a kind of answer that admission gives when a controller creates
// a pod.
type refusal struct {
	signs *regexp.Regexp
	code  Reason
	what  string
	hint  string
	grace func(Thresholds) time.Duration
}

// refusals are tried in their order. The words are the API server's.
var refusals = []refusal{
	{
		regexp.MustCompile(`exceeded quota|failed quota`), QuotaExceeded, "a quota refuses its pods",
		"Raise the namespace's ResourceQuota, or lower the workload's replicas or requests.",
		func(l Thresholds) time.Duration { return l.Quota },
	},
	{
		regexp.MustCompile(`violates PodSecurity`), PodSecurity, "the namespace's pod security level refuses its pods",
		"Fix the named fields of the pod's and the containers' securityContext in the chart.",
		func(l Thresholds) time.Duration { return l.Refuse },
	},
	{
		regexp.MustCompile(`failed calling webhook`), WebhookUnavailable, "an admission webhook does not answer",
		"Look at the pods of the webhook's service.",
		func(l Thresholds) time.Duration { return l.Webhook },
	},
	{
		regexp.MustCompile(`admission webhook .* denied|ValidatingAdmissionPolicy`), WebhookDenied, "an admission rule refuses its pods",
		"The rule's own words are above: fix what it names, or the rule.",
		func(l Thresholds) time.Duration { return l.Refuse },
	},
	{
		regexp.MustCompile(`error looking up service account`), PodRefused, "its service account does not exist",
		"Create the service account, or fix serviceAccountName in the chart.",
		func(l Thresholds) time.Duration { return l.Quota },
	},
	{
		regexp.MustCompile(`is forbidden|is invalid`), PodRefused, "the API server refuses its pods",
		"Fix what the message names.",
		func(l Thresholds) time.Duration { return l.Refuse },
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
		c.Detail = []string{text.OneLine(strings.TrimPrefix(failed.message, "Error creating: "))}
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
