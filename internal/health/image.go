package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

type pullFailure struct {
	pattern *regexp.Regexp
	message string
	hint    string
	grace   func(Thresholds) time.Duration
}

// pullFailures matches messages of containerd and registries; the first match
// wins.
var pullFailures = []pullFailure{
	{
		regexp.MustCompile(`(?i)unauthorized|denied|forbidden|authentication required|no basic auth`),
		"access denied by the registry",
		"Check the image name, and add an image pull secret for the registry to the namespace.",
		func(t Thresholds) time.Duration { return t.Image },
	},
	{
		regexp.MustCompile(`(?i)toomanyrequests|too many requests`),
		"rate limit of the registry exceeded",
		"Log in to the registry, wait, or load the image into the cluster.",
		func(t Thresholds) time.Duration { return t.Registry },
	},
	{
		regexp.MustCompile(`(?i)not ?found|manifest unknown|does not exist|no match for platform`),
		"not found",
		"Build or push the image, or fix its name and tag in the chart.",
		func(t Thresholds) time.Duration { return t.Image },
	},
	{
		regexp.MustCompile(`(?i)no such host|dial tcp|i/o timeout|connection re|tls|x509|EOF|unreachable|deadline exceeded|network`),
		"registry unreachable",
		"Check the registry name and the node's network, or load the image into the cluster.",
		func(t Thresholds) time.Duration { return t.Registry },
	},
}

func (c containerDiagnoser) imagePull(w *corev1.ContainerStateWaiting) Cause {
	failed := c.events("Failed", "Failed to pull image")
	message := w.Message
	if !strings.Contains(message, "failed to") && failed.message != "" {
		message = failed.message // the waiting state only has "Back-off pulling image"
	}
	kind := pullFailure{message: "pull failed", hint: "Check the image name and the registry.", grace: func(t Thresholds) time.Duration { return t.Registry }}
	for _, f := range pullFailures {
		if f.pattern.MatchString(message) {
			kind = f
			break
		}
	}
	since := failed.first
	if since.IsZero() {
		since = c.scheduled()
	}
	found := c.cause(ImagePull, c.spec.Image, since).after(kind.grace(c.d.thresholds))
	found.evidence = failed.last
	found.Message = fmt.Sprintf("cannot pull image %s: %s", c.spec.Image, kind.message)
	if c.inKind() {
		found.Message = fmt.Sprintf("image %s is not loaded into the node and cannot be pulled: %s", c.spec.Image, kind.message)
	}
	found.Detail = []string{c.stateLine()}
	if message == failed.message {
		found.Detail = append(found.Detail, text.OneLine(message))
	}
	found.Hint = kind.hint
	if c.inKind() {
		found.Hint = "Build the image and load it into the kind cluster, or fix its name and tag in the chart."
	}
	return found
}

func (c containerDiagnoser) imageNeverPull() Cause {
	failed := c.events("ErrImageNeverPull", "")
	since := failed.first
	if since.IsZero() {
		since = c.scheduled()
	}
	found := c.cause(ImageNeverPull, c.spec.Image, since).after(c.d.thresholds.Image)
	found.evidence = failed.last
	found.Message = fmt.Sprintf("image %s is not on the node and imagePullPolicy is Never", c.spec.Image)
	found.Detail = []string{c.stateLine()}
	found.Hint = "Load the image into the node, or allow pulling it (imagePullPolicy: IfNotPresent)."
	return found
}

func (c containerDiagnoser) invalidImageName(w *corev1.ContainerStateWaiting) Cause {
	found := c.cause(InvalidImageName, c.spec.Image, c.scheduled()).after(c.d.thresholds.Image)
	found.Message = fmt.Sprintf("invalid image reference %q", c.spec.Image)
	found.Detail = []string{text.OneLine(w.Reason + ": " + w.Message)}
	found.Hint = "Fix the image's repository and tag in the chart's values."
	return found
}

func (c containerDiagnoser) inKind() bool {
	node := c.d.index.nodes[c.pod.Spec.NodeName]
	return node != nil && strings.HasPrefix(node.Spec.ProviderID, "kind://")
}
