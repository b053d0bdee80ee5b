package health

import (
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

type rejection struct {
	pattern *regexp.Regexp
	reason  Reason
	message string
	hint    string
	grace   func(Thresholds) time.Duration
}

// rejections matches API server messages; the first match wins.
var rejections = []rejection{
	{
		regexp.MustCompile(`exceeded quota|failed quota`), QuotaExceeded, "pods rejected by a resource quota",
		"raise the namespace's ResourceQuota, or lower the workload's replicas or requests",
		func(t Thresholds) time.Duration { return t.Quota },
	},
	{
		regexp.MustCompile(`violates PodSecurity`), PodSecurity, "pods rejected by the namespace's pod security level",
		"fix the named securityContext fields of the pod and its containers in the chart",
		func(t Thresholds) time.Duration { return t.Admission },
	},
	{
		regexp.MustCompile(`failed calling webhook`), WebhookUnavailable, "admission webhook not responding",
		"check the pods of the webhook's service",
		func(t Thresholds) time.Duration { return t.Webhook },
	},
	{
		regexp.MustCompile(`admission webhook .* denied|ValidatingAdmissionPolicy`), WebhookDenied, "pods rejected by an admission webhook or policy",
		"fix what the message names, or change the webhook or policy",
		func(t Thresholds) time.Duration { return t.Admission },
	},
	{
		regexp.MustCompile(`error looking up service account`), PodRefused, "service account not found",
		"create the service account, or fix serviceAccountName in the chart",
		func(t Thresholds) time.Duration { return t.Quota },
	},
	{
		regexp.MustCompile(`is forbidden|is invalid`), PodRefused, "pods rejected by the API server",
		"fix what the message names",
		func(t Thresholds) time.Duration { return t.Admission },
	},
}

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

// failedCreate summarizes the failures to create a pod, unless one was created
// since. It also returns the creation time of the failing object, for a
// Deployment its ReplicaSet.
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
