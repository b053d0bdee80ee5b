package health

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/pullerror"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func (c containerDiagnoser) imagePull(w *corev1.ContainerStateWaiting) Cause {
	failed := c.events("Failed", "Failed to pull image")
	message := w.Message
	if !strings.Contains(message, "failed to") && failed.Message != "" {
		message = failed.Message // the waiting state only has "Back-off pulling image"
	}
	since := failed.First
	if since.IsZero() {
		since = c.scheduled()
	}
	kind := pullerror.Classify(message, c.spec.Image)
	grace := c.d.thresholds.Registry
	if kind.Final {
		grace = c.d.thresholds.Image
	}
	found := c.cause(ImagePull, c.spec.Image, since).after(grace)
	found.evidence = failed.Last
	found.Message = fmt.Sprintf("cannot pull image %s: %s", c.spec.Image, kind.Message)
	found.Hint = kind.Hint
	found.Detail = []string{c.stateLine()}
	if message == failed.Message {
		found.Detail = append(found.Detail, text.OneLine(message))
	}
	switch {
	case !c.inKind():
	case c.spec.ImagePullPolicy == corev1.PullAlways:
		found.Message += "; with imagePullPolicy Always the node does not use a loaded image"
		found.Hint = "set imagePullPolicy to IfNotPresent in the chart"
	default:
		found.Message = fmt.Sprintf("image %s is not loaded into the node and cannot be pulled: %s", c.spec.Image, kind.Message)
		found.Hint = "build the image and load it into the kind cluster, or fix its name and tag in the chart"
	}
	return found
}

func (c containerDiagnoser) imageNeverPull() Cause {
	failed := c.events("ErrImageNeverPull", "")
	since := failed.First
	if since.IsZero() {
		since = c.scheduled()
	}
	found := c.cause(ImageNeverPull, c.spec.Image, since).after(c.d.thresholds.Image)
	found.evidence = failed.Last
	found.Message = fmt.Sprintf("image %s is not on the node and imagePullPolicy is Never", c.spec.Image)
	found.Detail = []string{c.stateLine()}
	found.Hint = "load the image into the node, or allow pulling it (imagePullPolicy: IfNotPresent)"
	return found
}

func (c containerDiagnoser) invalidImageName(w *corev1.ContainerStateWaiting) Cause {
	found := c.cause(InvalidImageName, c.spec.Image, c.scheduled()).after(c.d.thresholds.Image)
	found.Message = fmt.Sprintf("invalid image reference %q", c.spec.Image)
	found.Detail = []string{text.OneLine(w.Reason + ": " + w.Message)}
	found.Hint = "fix the image's repository and tag in the chart's values"
	return found
}

func (c containerDiagnoser) inKind() bool {
	node := c.d.index.nodes[c.pod.Spec.NodeName]
	return node != nil && strings.HasPrefix(node.Spec.ProviderID, "kind://")
}
