// Package ending describes pods that are terminating.
package ending

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Waiting formats "waiting for web-1 to end".
func Waiting(pods []*corev1.Pod) string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return "waiting for " + text.Abbreviate(names, 3) + " to end"
}

// Progress formats how much of its grace period a pod has used: "12s of 30s".
func Progress(pod *corev1.Pod, now time.Time) string {
	grace := Grace(pod)
	used := now.Sub(pod.DeletionTimestamp.Add(-grace))
	return fmt.Sprintf("%s of %s", min(max(0, used), grace).Round(time.Second), grace)
}

// Grace returns the pod's grace period, which ends at its deletion timestamp.
func Grace(pod *corev1.Pod) time.Duration {
	if pod.DeletionGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
}

// Late says how long ago the pod should have ended, and its finalizers.
func Late(pod *corev1.Pod, now time.Time) string {
	line := fmt.Sprintf("pod %s should have ended %s ago", pod.Name, now.Sub(pod.DeletionTimestamp.Time).Round(time.Second))
	if len(pod.Finalizers) > 0 {
		line += "; its finalizers: " + strings.Join(pod.Finalizers, ", ")
	}
	return line
}
