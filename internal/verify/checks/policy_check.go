package checks

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// ForPolicies returns a check of whether the cluster enforces the policies. It
// connects from a pod with the labels from to two declared TCP ports of a ready
// pod: one that the policies forbid, and one that they allow, which shows that
// the pod responds. found is false if there is no such pod.
//
// Ports that ingress policies forbid come first, because a plugin may apply
// egress policies to a new pod with a delay.
func ForPolicies(namespace string, items []networkingv1.NetworkPolicy, from labels.Set, pods []corev1.Pod) (check probe.Check, found bool) {
	p := policies{namespace, items}
	pods = slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool { return !isTarget(pod) })
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		for _, pod := range pods {
			ports := declaredPorts(pod)
			forbidden := slices.IndexFunc(ports, func(port int32) bool { return p.forbid(direction, from, pod, port) })
			allowed := slices.IndexFunc(ports, func(port int32) bool { return p.allow(from, pod, port) })
			if forbidden >= 0 && allowed >= 0 {
				return newPolicyCheck(pod, ports[forbidden], ports[allowed]), true
			}
		}
	}
	return probe.Check{}, false
}

func (p policies) allow(from labels.Set, pod corev1.Pod, port int32) bool {
	return !p.forbid(networkingv1.PolicyTypeIngress, from, pod, port) && !p.forbid(networkingv1.PolicyTypeEgress, from, pod, port)
}

// newPolicyCheck allows no retries, because an older probe does not know the
// kind and fails.
func newPolicyCheck(pod corev1.Pod, forbidden, allowed int32) probe.Check {
	return probe.Check{
		ID: NetworkPolicies, Kind: probe.Policies, Within: 1,
		Target: probe.Target{Host: pod.Status.PodIP, Port: int(forbidden), Pod: pod.Name, AllowedPort: int(allowed)},
	}
}

// isTarget skips the host network, where policies do not apply, and short-lived
// smoke test pods.
func isTarget(pod corev1.Pod) bool {
	ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	return ready && pod.DeletionTimestamp == nil && pod.Status.PodIP != "" && !pod.Spec.HostNetwork && pod.Labels[SmokeLabel] == ""
}

func declaredPorts(pod corev1.Pod) (ports []int32) {
	for _, c := range serving(pod.Spec) {
		for _, p := range c.Ports {
			if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
				ports = append(ports, p.ContainerPort)
			}
		}
	}
	slices.Sort(ports)
	return ports
}
