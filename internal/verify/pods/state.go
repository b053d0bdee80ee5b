package pods

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Statuses returns the statuses of all containers in start order.
func Statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

// HasRun reports whether the container is running or has terminated.
func HasRun(c corev1.ContainerStatus) bool {
	return c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
}

// StartError returns the runtime's error if it could not start the first
// process of a pod that is not restarted, otherwise "". Such a pod may be
// created again. An overloaded node occasionally fails like this ("unable to
// freeze" a cgroup).
func StartError(pod *corev1.Pod) string {
	startError := ""
	for _, c := range Statuses(pod) {
		switch end := c.State.Terminated; {
		case end != nil && end.Reason == "StartError" && c.RestartCount == 0: // set by containerd
			startError = cmp.Or(end.Message, end.Reason)
		case HasRun(c):
			return ""
		}
	}
	return startError
}

func cannotPull(reason string) bool {
	switch reason {
	case "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName":
		return true
	}
	return false
}

func cannotCreate(reason string) bool {
	switch reason {
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return true
	}
	return false
}

func imageOf(pod *corev1.Pod, container string) string {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}
