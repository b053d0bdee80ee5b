package health

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// activity says what the first new pod that is not ready is doing:
// "; postgres-0: pulling image postgres:17".
func (v *view) activity(pods []*corev1.Pod) string {
	names := slices.Clone(pods)
	slices.SortFunc(names, func(a, b *corev1.Pod) int { return compareNames(a.Name, b.Name) })
	for _, pod := range names {
		if !PodReady(pod) && pod.Status.Phase != corev1.PodSucceeded {
			return fmt.Sprintf("; %s: %s", pod.Name, v.doing(pod))
		}
	}
	return ""
}

func (v *view) doing(pod *corev1.Pod) string {
	if pod.Status.Phase == corev1.PodFailed {
		return "failed"
	}
	if pod.Spec.NodeName == "" {
		return "waiting for a node"
	}
	for _, spec := range pod.Spec.InitContainers {
		s := statusOf(pod.Status.InitContainerStatuses, spec.Name)
		if t := s.State.Terminated; t != nil && t.ExitCode == 0 || s.Ready {
			continue
		}
		return "init container " + spec.Name + ": " + v.containerDoing(pod, spec, s)
	}
	for _, spec := range pod.Spec.Containers {
		s := statusOf(pod.Status.ContainerStatuses, spec.Name)
		if s.Ready {
			continue
		}
		if len(pod.Spec.Containers) > 1 {
			return spec.Name + ": " + v.containerDoing(pod, spec, s)
		}
		return v.containerDoing(pod, spec, s)
	}
	return "becoming ready"
}

func (v *view) containerDoing(pod *corev1.Pod, spec corev1.Container, s corev1.ContainerStatus) string {
	switch st := s.State; {
	case st.Terminated != nil:
		return fmt.Sprintf("ended with %s", exitText(st.Terminated))
	case st.Running != nil && s.RestartCount > 0:
		return fmt.Sprintf("running, not ready (%s)", times(s.RestartCount, "restart"))
	case st.Running != nil:
		return "running, not ready yet"
	case st.Waiting != nil && !creating[st.Waiting.Reason]:
		return st.Waiting.Reason
	}
	pulling := v.sign(pod.UID, containerReason(spec.Name, "Pulling", ""))
	pulled := v.sign(pod.UID, containerReason(spec.Name, "Pulled", ""))
	if pulling.seen() && !pulled.seen() {
		return "pulling image " + spec.Image
	}
	return "creating"
}

// creating are the kubelet's words for a container whose turn has not come.
var creating = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// compareNames orders web-2 before web-10.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}
