// Package ready checks whether a cluster is ready, also after a restart of some nodes.
package ready

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster/drain"
)

// Check returns the nodes and why the cluster is not ready, or "". started has the start
// of each node's container. The status of a node and of its pods must be newer, because
// after a restart the API server first returns the old status.
func Check(ctx context.Context, client kubernetes.Interface, started map[string]time.Time) (nodes []corev1.Node, reason string) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	switch {
	case err != nil:
		return nil, fmt.Sprintf("API server is not responding: %v", err)
	case len(list.Items) == 0:
		return nil, "no node has registered yet"
	}
	if reason := checkNodes(ctx, client, list.Items, started); reason != "" {
		return list.Items, reason
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return list.Items, fmt.Sprintf("list pods: %v", err)
	}
	if i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return isStale(p, started[p.Spec.NodeName]) }); i >= 0 {
		p := pods.Items[i]
		return list.Items, "pod " + p.Namespace + "/" + p.Name + " on node " + p.Spec.NodeName + " has not been restarted yet"
	}
	return list.Items, ""
}

func checkNodes(ctx context.Context, client kubernetes.Interface, nodes []corev1.Node, started map[string]time.Time) (reason string) {
	for _, n := range nodes {
		since, found := started[n.Name]
		if !found {
			return "node " + n.Name + " has no container"
		}
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil || lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
			return "kubelet of node " + n.Name + " has not reported yet"
		}
		if !IsReady(n) {
			return "node " + n.Name + " is not ready"
		}
		if drain.IsDrained(n) {
			return "node " + n.Name + " runs no new pods: an earlier down was interrupted"
		}
	}
	for name := range started {
		if !slices.ContainsFunc(nodes, func(n corev1.Node) bool { return n.Name == name }) {
			return "node " + name + " has not registered yet"
		}
	}
	return ""
}

func isStale(p corev1.Pod, since time.Time) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		// the API rounds times down to seconds
		return s.State.Running != nil && s.State.Running.StartedAt.Time.Before(since.Truncate(time.Second))
	})
}

// IsReady reports whether the node has the condition Ready.
func IsReady(n corev1.Node) bool {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
