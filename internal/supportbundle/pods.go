package supportbundle

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// pods writes the pods of the namespace and their logs, unhealthy pods first.
func (k kube) pods(ctx context.Context, to *Writer) error {
	listCtx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := k.client.CoreV1().Pods(k.namespace).List(listCtx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	slices.SortStableFunc(found.Items, func(a, b corev1.Pod) int { return health(a) - health(b) })
	var logs []podLog
	for i := range found.Items {
		pod := &found.Items[i]
		description := fmt.Sprintf("pod %s: %s, %s", pod.Name, pod.Status.Phase, readiness(*pod))
		if err := to.YAML("pods/"+pod.Name+"/pod.yaml", description, pod); err != nil {
			to.Missing("pod "+pod.Name, err)
		}
		logs = append(logs, logsOf(*pod)...)
	}
	k.writeLogs(ctx, to, logs)
	return nil
}

// health returns 0 for a pod that is not ready, 1 for one that restarted, and 2
// otherwise.
func health(p corev1.Pod) int {
	ready, total, restarts := count(p)
	switch {
	case p.Status.Phase == corev1.PodSucceeded:
		return 2
	case ready < total || p.Status.Phase != corev1.PodRunning:
		return 0
	case restarts > 0:
		return 1
	}
	return 2
}

func count(p corev1.Pod) (ready, total int, restarts int32) {
	for _, c := range p.Status.ContainerStatuses {
		if c.Ready {
			ready++
		}
		restarts += c.RestartCount
	}
	return ready, len(p.Spec.Containers), restarts
}

func readiness(p corev1.Pod) string {
	ready, total, restarts := count(p)
	s := fmt.Sprintf("%d of %d containers ready", ready, total)
	if restarts > 0 {
		s += ", " + text.Plural(restarts, "restart")
	}
	return s
}
