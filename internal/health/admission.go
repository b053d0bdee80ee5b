package health

import (
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// A rejection is a kind of answer that admission gives when a controller creates
// a pod.
type rejection struct {
	pattern *regexp.Regexp
	reason  Reason
	message string
	hint    string
	grace   func(Thresholds) time.Duration
}

// rejections are tried in their order. The words are the API server's.
var rejections = []rejection{
	{
		regexp.MustCompile(`exceeded quota|failed quota`), QuotaExceeded, "a quota refuses its pods",
		"Raise the namespace's ResourceQuota, or lower the workload's replicas or requests.",
		func(t Thresholds) time.Duration { return t.Quota },
	},
	{
		regexp.MustCompile(`violates PodSecurity`), PodSecurity, "the namespace's pod security level refuses its pods",
		"Fix the named fields of the pod's and the containers' securityContext in the chart.",
		func(t Thresholds) time.Duration { return t.Admission },
	},
	{
		regexp.MustCompile(`failed calling webhook`), WebhookUnavailable, "an admission webhook does not answer",
		"Look at the pods of the webhook's service.",
		func(t Thresholds) time.Duration { return t.Webhook },
	},
	{
		regexp.MustCompile(`admission webhook .* denied|ValidatingAdmissionPolicy`), WebhookDenied, "an admission rule refuses its pods",
		"The rule's own words are above: fix what it names, or the rule.",
		func(t Thresholds) time.Duration { return t.Admission },
	},
	{
		regexp.MustCompile(`error looking up service account`), PodRefused, "its service account does not exist",
		"Create the service account, or fix serviceAccountName in the chart.",
		func(t Thresholds) time.Duration { return t.Quota },
	},
	{
		regexp.MustCompile(`is forbidden|is invalid`), PodRefused, "the API server refuses its pods",
		"Fix what the message names.",
		func(t Thresholds) time.Duration { return t.Admission },
	},
}

// refused judges a workload whose controller cannot create pods.
func (d *diagnoser) rejectedPods(pods []*corev1.Pod) []Cause {
	failed, born := d.failedCreate(pods)
	if !failed.seen() {
		return nil
	}
	for _, r := range rejections {
		if !r.pattern.MatchString(failed.message) {
			continue
		}
		c := d.workloadCause(r.reason, failed.first).after(r.grace(d.thresholds))
		c.evidence, c.born = failed.last, born
		c.Message = r.message
		c.Detail = []string{text.OneLine(strings.TrimPrefix(failed.message, "Error creating: "))}
		c.Hint = r.hint
		return []Cause{c}
	}
	return nil
}

// failedCreate is the controller's last failure to create a pod, unless it has
// created one since, and when the object that failed was created. A Deployment's
// pods are created by its ReplicaSet, which says so in a condition, too.
func (d *diagnoser) failedCreate(pods []*corev1.Pod) (eventSummary, time.Time) {
	about, born := d.workload.GetUID(), d.workload.GetCreationTimestamp().Time
	if w, ok := d.workload.(*appsv1.Deployment); ok {
		set := d.index.newReplicaSet(w)
		if set == nil {
			return eventSummary{}, born
		}
		if s := replicaFailure(set); s.seen() || int32(len(pods)) >= orOne(set.Spec.Replicas) {
			return s, set.CreationTimestamp.Time
		}
		about, born = set.UID, set.CreationTimestamp.Time
	}
	failed := d.index.summarize(about, withReason("FailedCreate", ""))
	created := d.index.summarize(about, withReason("SuccessfulCreate", ""))
	if created.seen() && !failed.last.After(created.last) {
		return eventSummary{}, born
	}
	return failed, born
}

func replicaFailure(set *appsv1.ReplicaSet) eventSummary {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			at := c.LastTransitionTime.Time
			return eventSummary{message: c.Message, first: at, last: at, count: 1}
		}
	}
	return eventSummary{}
}
