package health

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/missing"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// initContainers checks the first unfinished init container.
func (p podDiagnoser) initContainers() []Cause {
	for _, spec := range p.pod.Spec.InitContainers {
		status := statusOf(p.pod.Status.InitContainerStatuses, spec.Name)
		sidecar := spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
		switch t := status.State.Terminated; {
		case t != nil && t.ExitCode == 0 && !sidecar:
			continue
		case sidecar && status.Started != nil && *status.Started && status.Ready:
			continue
		}
		return containerDiagnoser{p.d, p.pod, spec, status, true}.causes()
	}
	return nil
}

func (p podDiagnoser) containers() []Cause {
	var found []Cause
	for _, spec := range p.pod.Spec.Containers {
		status := statusOf(p.pod.Status.ContainerStatuses, spec.Name)
		if !status.Ready {
			found = append(found, containerDiagnoser{p.d, p.pod, spec, status, false}.causes()...)
		}
	}
	return found
}

func (c containerDiagnoser) causes() []Cause {
	found, ok := c.waiting()
	if !ok {
		found, ok = c.crashed()
	}
	if !ok {
		found, ok = c.notReady()
	}
	if !ok {
		return nil
	}
	found.Container, found.Init = c.spec.Name, c.init
	return []Cause{found}
}

func (c containerDiagnoser) waiting() (Cause, bool) {
	w := c.status.State.Waiting
	if w == nil {
		return Cause{}, false
	}
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError":
		return c.imagePull(w), true
	case "ErrImageNeverPull":
		return c.imageNeverPull(), true
	case "InvalidImageName":
		return c.invalidImageName(w), true
	case "CreateContainerConfigError":
		return c.config(w), true
	case "CreateContainerError", "PreCreateHookError", "PreStartHookError":
		return c.create(w), true
	}
	return Cause{}, false
}

func (c containerDiagnoser) config(w *corev1.ContainerStateWaiting) Cause {
	failed := c.events("Failed", "")
	since := failed.First
	if since.IsZero() {
		since = c.scheduled()
	}
	object, grace := missing.OfEnvironment(w.Message), c.d.thresholds.Config
	if object == "" && strings.Contains(w.Message, "failed to sync") {
		grace = c.d.thresholds.CacheSync
	} else if strings.Contains(w.Message, "runAsNonRoot") || strings.Contains(w.Message, "non-root") {
		grace = c.d.thresholds.Admission
	}
	found := c.cause(CreateContainerConfig, cmp.Or(object, withoutPod(w.Message)), since).after(grace)
	found.evidence = failed.Last
	if object != "" {
		found.remedy = readyRelease
	}
	found.Detail = []string{c.stateLine()}
	found.Message = "cannot be configured: " + withoutPod(w.Message)
	found.Hint = "fix the container's environment or security context in the chart"
	if object != "" {
		found.Message = object + " not found (referenced by the container's environment)"
		found.Hint = fmt.Sprintf("create %s in namespace %s, or fix its name in the chart", object, c.pod.Namespace)
	}
	return found
}

func (c containerDiagnoser) create(w *corev1.ContainerStateWaiting) Cause {
	failed := c.events("Failed", "")
	since := failed.First
	if since.IsZero() {
		since = c.scheduled()
	}
	reason, hint := CreateContainer, "fix the settings named in the message: the node's container runtime rejects them"
	if strings.Contains(w.Message, "no command specified") {
		reason, hint = BadCommand, "set ENTRYPOINT or CMD in the Dockerfile, or command in the chart: the image has neither"
	}
	found := c.cause(reason, "", since).after(c.d.thresholds.Create)
	found.evidence = failed.Last
	found.Message = "cannot be created: " + text.OneLine(w.Message)
	found.Detail = []string{c.stateLine()}
	found.Hint = hint
	return found
}
