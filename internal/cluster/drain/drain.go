// Package drain ends the pods of a cluster that is about to be deleted, so that they
// can write their data.
package drain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

// taint keeps controllers from replacing the pods that have ended. Unlike with
// `kubectl cordon`, this includes DaemonSets, and [Undo] knows that it is ours.
var taint = corev1.Taint{Key: "tkdeploy.dev/down", Effect: corev1.TaintEffectNoSchedule}

// system lists the namespaces whose pods end with their nodes: other pods need DNS
// while they end.
var system = []string{metav1.NamespaceSystem, "local-path-storage"}

// Pods deletes all pods. It waits up to limit until those with volumes have ended, and
// returns the ones that still run. Other pods have nothing that outlives the cluster.
// The cluster runs no new pods until [Undo].
func Pods(ctx context.Context, client kubernetes.Interface, limit time.Duration) (left []string, err error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	for _, n := range nodes.Items {
		if err := update(ctx, client, n.Name, func(taints []corev1.Taint) []corev1.Taint { return append(without(taints), taint) }); err != nil {
			return nil, err
		}
	}
	pods, err := list(ctx, client)
	if err != nil {
		return nil, err
	}
	for namespace := range pods {
		if err := client.CoreV1().Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return nil, fmt.Errorf("end the pods in namespace %s: %w", namespace, err)
		}
	}
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		if now, err := running(ctx, client); err == nil { // else try again
			left = now
			return len(left) == 0, nil
		}
		return false, nil
	})
	if ctx.Err() != nil {
		return left, context.Cause(ctx)
	}
	if err != nil && len(left) == 0 {
		return nil, fmt.Errorf("wait for the end of the pods: %w", err)
	}
	return left, nil
}

// running returns the names of the pods that may still write to their volumes.
func running(ctx context.Context, client kubernetes.Interface) (names []string, err error) {
	pods, err := list(ctx, client)
	for _, namespace := range slices.Sorted(maps.Keys(pods)) {
		for _, p := range pods[namespace] {
			if hasVolume(p) && isRunning(p) {
				names = append(names, p.Namespace+"/"+p.Name)
			}
		}
	}
	return names, err
}

// Undo lets the nodes run pods again after an interrupted [Pods].
func Undo(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, n := range nodes.Items {
		if !IsDrained(n) {
			continue
		}
		if err := update(ctx, client, n.Name, without); err != nil {
			return err
		}
	}
	return nil
}

// IsDrained reports whether [Pods] was called and [Undo] was not.
func IsDrained(n corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&taint) })
}

func without(taints []corev1.Taint) []corev1.Taint {
	return slices.DeleteFunc(slices.Clone(taints), func(t corev1.Taint) bool { return t.MatchTaint(&taint) })
}

func update(ctx context.Context, client kubernetes.Interface, node string, change func([]corev1.Taint) []corev1.Taint) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		n, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		n.Spec.Taints = change(n.Spec.Taints)
		_, err = client.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("change the taints of node %s: %w", node, err)
	}
	return nil
}

// list returns the pods by namespace.
func list(ctx context.Context, client kubernetes.Interface) (map[string][]corev1.Pod, error) {
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	found := map[string][]corev1.Pod{}
	for _, p := range pods.Items {
		if !slices.Contains(system, p.Namespace) {
			found[p.Namespace] = append(found[p.Namespace], p)
		}
	}
	return found, nil
}

func hasVolume(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.PersistentVolumeClaim != nil })
}

// isRunning does not wait for the deletion of the pod, which the kubelet delays until
// it has removed its volumes.
func isRunning(p corev1.Pod) bool {
	all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	return slices.ContainsFunc(all, func(s corev1.ContainerStatus) bool { return s.State.Running != nil })
}
