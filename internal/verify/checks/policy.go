package checks

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// policies evaluates a namespace's NetworkPolicies for connections between two
// of its pods. A connection counts as allowed if that depends on an ipBlock, an
// unknown label of the namespace, or an unknown port name.
type policies struct {
	namespace string
	items     []networkingv1.NetworkPolicy
}

// forbid reports whether the policies of one direction forbid a connection from
// a pod with the labels from to a TCP port of the pod to: a policy selects the
// pod at its end, and no such policy allows it.
func (p policies) forbid(direction networkingv1.PolicyType, from labels.Set, to corev1.Pod, port int32) bool {
	selected, other := labels.Set(to.Labels), from
	if direction == networkingv1.PolicyTypeEgress {
		selected, other = other, selected
	}
	isolated := false
	for _, policy := range p.items {
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			return false
		}
		if !appliesTo(policy.Spec, direction) || !selector.Matches(selected) {
			continue
		}
		isolated = true
		for _, rule := range rulesOf(policy.Spec, direction) {
			if p.anyPeer(rule.peers, other) && anyPort(rule.ports, to, port) {
				return false
			}
		}
	}
	return isolated
}

// appliesTo uses the default of the API server.
func appliesTo(spec networkingv1.NetworkPolicySpec, direction networkingv1.PolicyType) bool {
	if len(spec.PolicyTypes) > 0 {
		return slices.Contains(spec.PolicyTypes, direction)
	}
	return direction == networkingv1.PolicyTypeIngress || len(spec.Egress) > 0
}

type policyRule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rulesOf(spec networkingv1.NetworkPolicySpec, direction networkingv1.PolicyType) (rules []policyRule) {
	if direction == networkingv1.PolicyTypeEgress {
		for _, r := range spec.Egress {
			rules = append(rules, policyRule{r.To, r.Ports})
		}
		return rules
	}
	for _, r := range spec.Ingress {
		rules = append(rules, policyRule{r.From, r.Ports})
	}
	return rules
}

// anyPeer reports whether a pod may be a peer. No peers means all.
func (p policies) anyPeer(peers []networkingv1.NetworkPolicyPeer, pod labels.Set) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		if peer.IPBlock != nil {
			return true
		}
		return p.mayBeIn(peer.NamespaceSelector) && mayMatch(peer.PodSelector, pod)
	})
}

// mayBeIn knows only the name label of the namespace. nil selects the policy's own.
func (p policies) mayBeIn(selector *metav1.LabelSelector) bool {
	if selector == nil {
		return true
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return true
	}
	known := labels.Set{corev1.LabelMetadataName: p.namespace}
	requirements, _ := parsed.Requirements()
	return !slices.ContainsFunc(requirements, func(r labels.Requirement) bool {
		return known.Has(r.Key()) && !r.Matches(known)
	})
}

// mayMatch returns true for nil, which matches all pods.
func mayMatch(selector *metav1.LabelSelector, pod labels.Set) bool {
	if selector == nil {
		return true
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err != nil || parsed.Matches(pod)
}

// anyPort reports whether ports may include a TCP port. No ports means all.
func anyPort(ports []networkingv1.NetworkPolicyPort, pod corev1.Pod, number int32) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(port networkingv1.NetworkPolicyPort) bool {
		switch {
		case ptr.Deref(port.Protocol, corev1.ProtocolTCP) != corev1.ProtocolTCP:
			return false
		case port.Port == nil:
			return true
		case port.Port.Type == intstr.String:
			return mayBeNamed(pod, port.Port.StrVal, number)
		}
		return port.Port.IntVal <= number && number <= ptr.Deref(port.EndPort, port.Port.IntVal)
	})
}

func mayBeNamed(pod corev1.Pod, name string, number int32) bool {
	known := false
	for _, c := range serving(pod.Spec) {
		if found := portNamed(c, name); found > 0 {
			if found == int(number) {
				return true
			}
			known = true
		}
	}
	return !known
}
