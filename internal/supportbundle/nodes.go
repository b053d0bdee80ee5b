package supportbundle

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	resourcehelper "k8s.io/component-helpers/resource"
)

func (k kube) nodes(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := k.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var all []runtime.Object
	for i := range found.Items {
		found.Items[i].Status.Images = nil // long and rarely useful
		all = append(all, &found.Items[i])
	}
	if err := to.YAML("cluster/nodes.yaml", "nodes: conditions, capacity, taints", all...); err != nil {
		return err
	}
	pods, err := k.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	return to.table("cluster/allocations.txt", "allocatable resources of each node, and the requests and limits of its pods", allocations(found.Items, pods.Items))
}

func allocations(nodes []corev1.Node, pods []corev1.Pod) [][]string {
	rows := [][]string{{"NODE", "RESOURCE", "ALLOCATABLE", "REQUESTS", "LIMITS"}}
	for _, node := range nodes {
		requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
		for _, pod := range pods {
			if pod.Spec.NodeName == node.Name && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
				add(requests, resourcehelper.PodRequests(&pod, resourcehelper.PodResourcesOptions{}))
				add(limits, resourcehelper.PodLimits(&pod, resourcehelper.PodResourcesOptions{}))
				add(requests, corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(1, resource.DecimalSI)})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(node.Status.Allocatable)) {
			allocatable := node.Status.Allocatable[name]
			rows = append(rows, []string{node.Name, string(name), allocatable.String(), amount(requests, name), amount(limits, name)})
		}
	}
	return rows
}

func add(sum, more corev1.ResourceList) {
	for name, quantity := range more {
		total := sum[name]
		total.Add(quantity)
		sum[name] = total
	}
}

func amount(list corev1.ResourceList, name corev1.ResourceName) string {
	quantity, ok := list[name]
	if !ok {
		return "-"
	}
	return quantity.String()
}
