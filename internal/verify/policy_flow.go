package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// PolicyCheck is the ID of the check that tells whether the cluster's network
// plugin enforces NetworkPolicies.
const PolicyCheck = "network-policies"

const (
	policyLook = 2 * time.Second // at the policies and the pods, beside the search for old pods
	podsAtMost = 500             // of those, enough to find a flow in
)

// addPolicyCheck adds a check of the network plugin, if there is a flow that
// the policies forbid. That they cannot be read is told and is no failure.
func (r *run) addPolicyCheck(ctx context.Context) {
	looking, cancel := context.WithTimeout(ctx, policyLook)
	defer cancel()
	check, found, err := r.policyCheck(looking)
	switch {
	case found:
		r.checks = append(slices.Clip(r.checks), check)
	case err != nil && ctx.Err() == nil:
		r.reporter.Report(event.Finished(PolicyCheck, event.Done, probe.UnknownPolicies+r.Redact(err.Error()), 0, 0))
	}
}

func (r *run) policyCheck(ctx context.Context) (probe.Check, bool, error) {
	found, err := r.Client.NetworkingV1().NetworkPolicies(r.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return probe.Check{}, false, fmt.Errorf("list the NetworkPolicies: %w", err)
	}
	if len(found.Items) == 0 {
		return probe.Check{}, false, nil
	}
	pods, err := r.Client.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{Limit: podsAtMost})
	if err != nil {
		return probe.Check{}, false, fmt.Errorf("list the pods under NetworkPolicies: %w", err)
	}
	check, ok := policies{r.Namespace, found.Items}.forbiddenFlow(r.labels(), pods.Items)
	return check, ok, nil
}

// forbiddenFlow finds a flow from a pod with the labels from to a declared TCP
// port of a ready pod that the policies forbid, where they allow another port
// of the same pod: only by that can silence be told from a pod that is away. A
// flow that the target's side forbids comes first: a plugin may be late with
// the egress of a pod that is a moment old.
func (p policies) forbiddenFlow(from labels.Set, pods []corev1.Pod) (probe.Check, bool) {
	pods = slices.DeleteFunc(slices.Clone(pods), func(pod corev1.Pod) bool { return !isTarget(pod) })
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		for _, pod := range pods {
			ports := declaredPorts(pod)
			forbidden := slices.IndexFunc(ports, func(port int32) bool { return p.forbid(direction, from, pod, port) })
			allowed := slices.IndexFunc(ports, func(port int32) bool { return p.allow(from, pod, port) })
			if forbidden >= 0 && allowed >= 0 {
				return policyCheckOf(pod, ports[forbidden], ports[allowed]), true
			}
		}
	}
	return probe.Check{}, false
}

func (p policies) allow(from labels.Set, pod corev1.Pod, port int32) bool {
	return !p.forbid(networkingv1.PolicyTypeIngress, from, pod, port) && !p.forbid(networkingv1.PolicyTypeEgress, from, pod, port)
}

// policyCheckOf is asked once also by an older probe, which does not know its
// kind: hence the shortest time.
func policyCheckOf(pod corev1.Pod, forbidden, allowed int32) probe.Check {
	return probe.Check{
		ID: PolicyCheck, Kind: probe.Policies, Within: 1,
		Target: probe.Target{Host: pod.Status.PodIP, Port: int(forbidden), Pod: pod.Name, AllowedPort: int(allowed)},
	}
}

// isTarget says whether a pod can be expected to answer. The policies are not
// for one in its node's network, and another smoke test's goes away.
func isTarget(pod corev1.Pod) bool {
	ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	return ready && pod.DeletionTimestamp == nil && pod.Status.PodIP != "" && !pod.Spec.HostNetwork && pod.Labels[SmokeLabel] == ""
}

// declaredPorts are the TCP ports of the containers that run on, in order.
func declaredPorts(pod corev1.Pod) (ports []int32) {
	for _, c := range (podTemplate{spec: pod.Spec}).serving() {
		for _, p := range c.Ports {
			if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
				ports = append(ports, p.ContainerPort)
			}
		}
	}
	slices.Sort(ports)
	return ports
}
