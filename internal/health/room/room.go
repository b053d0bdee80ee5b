// Package room compares the requests of pods with the size of nodes.
package room

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// CanFit reports whether an empty node could take the pod: the node matches the
// pod's node selector and required affinity, and is large enough.
func CanFit(pod *corev1.Pod, node *corev1.Node) bool {
	match, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node)
	if err != nil || !match {
		return false
	}
	for name, request := range requests(pod) {
		if allocatable, ok := node.Status.Allocatable[name]; ok && request.Cmp(allocatable) > 0 {
			return false
		}
	}
	return true
}

func requests(pod *corev1.Pod) corev1.ResourceList {
	return resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
}

// Requests formats the pod's total requests as the scheduler computes them: "cpu
// 0.5, memory 256Mi".
func Requests(pod *corev1.Pod) string {
	sum := requests(pod)
	var parts []string
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if q, ok := sum[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", name, amount(q)))
		}
	}
	return strings.Join(parts, ", ")
}

// amount formats "0.5", "1000", "23.5Gi".
func amount(q resource.Quantity) string {
	for i, unit := range []string{"Gi", "Mi"} {
		if size := float64(int64(1) << (30 - 10*i)); q.AsApproximateFloat64() >= size {
			return strconv.FormatFloat(math.Round(10*q.AsApproximateFloat64()/size)/10, 'f', -1, 64) + unit
		}
	}
	return strconv.FormatFloat(q.AsApproximateFloat64(), 'f', -1, 64)
}

// Capacity describes at most three nodes, one line each, sorted.
func Capacity(nodes []*corev1.Node) []string {
	var lines []string
	for _, n := range nodes[:min(len(nodes), 3)] {
		lines = append(lines, fmt.Sprintf("node %s has allocatable cpu %s, memory %s",
			n.Name, amount(*n.Status.Allocatable.Cpu()), amount(*n.Status.Allocatable.Memory())))
	}
	slices.Sort(lines)
	return lines
}

// MemoryLimit returns the pod's memory limit, which its sandbox shares. A pod has
// one only if all its containers do.
func MemoryLimit(pod *corev1.Pod) (limit string, limited bool) {
	var sum resource.Quantity
	for _, c := range pod.Spec.Containers {
		own, ok := c.Resources.Limits[corev1.ResourceMemory]
		if !ok {
			return "", false
		}
		sum.Add(own)
	}
	return sum.String(), true
}

// Hint returns what to do about the scheduler's message.
func Hint(message string) string {
	switch {
	case strings.Contains(message, "free ports"):
		return "free the host port, or change hostPort in the chart: another pod on the node uses it"
	case strings.Contains(message, "anti-affinity"):
		return "fix the pod's anti-affinity, lower its replicas, or add a node"
	case strings.Contains(message, "ReadWriteOncePod"):
		return "delete the pod that uses the claim: its access mode ReadWriteOncePod allows one"
	}
	return "lower the pod's requests, free resources, add a node, or fix nodeSelector, affinity or tolerations"
}
