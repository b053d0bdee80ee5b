package hooks

import (
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

// hasEnded reports whether all containers have terminated. It does not rely on
// the pod phase, which the kubelet updates a second or more later.
func hasEnded(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return true
	}
	containers := pod.Status.ContainerStatuses
	return pod.Spec.RestartPolicy == corev1.RestartPolicyNever && len(containers) == len(pod.Spec.Containers) &&
		!slices.ContainsFunc(containers, func(c corev1.ContainerStatus) bool { return c.State.Terminated == nil })
}

func hasFailed(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed ||
		slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
			return c.State.Terminated != nil && c.State.Terminated.ExitCode != 0
		})
}

// exitReason returns the first failed container and its end:
// "exit code 137, OOMKilled".
func exitReason(pod *corev1.Pod) (container, reason string) {
	for _, c := range pods.Statuses(pod) {
		end := c.State.Terminated
		if end == nil || end.ExitCode == 0 {
			continue
		}
		reason = fmt.Sprintf("exit code %d", end.ExitCode)
		if end.Reason != "" && end.Reason != "Error" {
			reason += ", " + end.Reason
		}
		if end.Message != "" {
			reason += ": " + text.Printable(end.Message, text.MaxMessage)
		}
		return c.Name, reason
	}
	return "", strings.TrimSuffix(fmt.Sprintf("pod terminated, %s: %s", pod.Status.Reason, pod.Status.Message), ": ")
}

// finalCondition returns nil while the Job is running.
func finalCondition(job *batchv1.Job) *batchv1.JobCondition {
	i := slices.IndexFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
	if i < 0 {
		return nil
	}
	return &job.Status.Conditions[i]
}
