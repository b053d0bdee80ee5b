// Package rejection classifies the API server's reasons to reject a pod.
package rejection

import "regexp"

// Kind is a kind of rejection.
type Kind string

// The kinds.
const (
	Quota            Kind = "quota"
	PodSecurity      Kind = "pod security"
	WebhookAway      Kind = "webhook not responding"
	WebhookDenied    Kind = "webhook or policy"
	NoServiceAccount Kind = "service account"
	Other            Kind = "other"
)

// Rejection explains a rejected pod.
type Rejection struct {
	Kind    Kind
	Message string
	Hint    string
	pattern *regexp.Regexp
}

// rejections matches API server messages; the first match wins.
var rejections = []Rejection{
	{
		Quota, "pods rejected by a resource quota",
		"raise the namespace's ResourceQuota, or lower the workload's replicas or requests",
		regexp.MustCompile(`exceeded quota|failed quota`),
	},
	{
		PodSecurity, "pods rejected by the namespace's pod security level",
		"fix the named securityContext fields of the pod and its containers in the chart",
		regexp.MustCompile(`violates PodSecurity`),
	},
	{
		WebhookAway, "admission webhook not responding",
		"check the pods of the webhook's service",
		regexp.MustCompile(`failed calling webhook`),
	},
	{
		WebhookDenied, "pods rejected by an admission webhook or policy",
		"fix what the message names, or change the webhook or policy",
		regexp.MustCompile(`admission webhook .* denied|ValidatingAdmissionPolicy`),
	},
	{
		NoServiceAccount, "service account not found",
		"create the service account, or fix serviceAccountName in the chart",
		regexp.MustCompile(`error looking up service account`),
	},
	{
		Other, "pods rejected by the API server",
		"fix what the message names",
		regexp.MustCompile(`is forbidden|is invalid`),
	},
}

// Classify returns the rejection that the message of a FailedCreate event
// describes. ok is false for other failures, such as a timeout.
func Classify(message string) (r Rejection, ok bool) {
	for _, r := range rejections {
		if r.pattern.MatchString(message) {
			return r, true
		}
	}
	return Rejection{}, false
}

var defaultAccount = regexp.MustCompile(`error looking up service account \S+/default:`)

// IsDefaultAccount reports whether the missing service account is the default one,
// which Kubernetes creates in each namespace.
func IsDefaultAccount(message string) bool { return defaultAccount.MatchString(message) }
