package supportbundle

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (k kube) allPods(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := k.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	rows := [][]string{{"NAMESPACE", "POD", "PHASE", "READY", "NODE", "REASON"}}
	for _, p := range found.Items {
		rows = append(rows, []string{p.Namespace, p.Name, string(p.Status.Phase), readiness(p), p.Spec.NodeName, reasons(p)})
	}
	return to.table("cluster/pods.txt", "pods of all namespaces, one per line", rows)
}

// reasons returns the reasons of the waiting containers and of the pod.
func reasons(p corev1.Pod) string {
	var all []string
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if c.State.Waiting != nil {
			all = append(all, c.Name+" "+c.State.Waiting.Reason)
		}
	}
	return strings.Join(append(all, p.Status.Reason), ", ")
}

// secretKeys lists Secrets without their contents.
func (k kube) secretKeys(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := k.client.CoreV1().Secrets(k.namespace).List(ctx, metav1.ListOptions{})
	if err != nil || len(found.Items) == 0 {
		return err
	}
	rows := [][]string{{"SECRET", "TYPE", "KEYS"}}
	for _, s := range found.Items {
		rows = append(rows, []string{s.Name, string(s.Type), strings.Join(slices.Sorted(maps.Keys(s.Data)), ", ")})
	}
	return to.table("namespace/secrets.txt", "Secrets: names and keys", rows)
}
