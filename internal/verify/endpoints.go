package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// cause returns why a check got no response, according to the Service and its
// endpoints, why a pod returned an error, according to its log, or "".
func (r *Runner) cause(ctx context.Context, result probe.Result) string {
	if result.Reason == probe.Unexpected {
		return r.logCause(ctx, result)
	}
	if !slices.Contains([]probe.Reason{probe.Unresolved, probe.Refused, probe.Unreachable}, result.Reason) {
		return ""
	}
	name, namespace := serviceOf(result.Check, r.options.Namespace)
	if result.ID == checks.ClusterDNS {
		return r.clusterDNSCause(ctx)
	}
	if name == "" {
		return ""
	}
	service, err := r.options.Client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("service %q not found in namespace %q", name, namespace)
	case err != nil:
		return fmt.Sprintf("cannot read Service %s: %v", name, err)
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return fmt.Sprintf("Service %s is an alias for %s", name, service.Spec.ExternalName)
	case result.Reason == probe.Unresolved && service.Spec.ClusterIP != corev1.ClusterIPNone:
		return fmt.Sprintf("Service %s exists and has the address %s", name, service.Spec.ClusterIP)
	}
	return r.endpointCause(ctx, service, result)
}

func (r *Runner) clusterDNSCause(ctx context.Context) string {
	service, err := r.options.Client.CoreV1().Services(metav1.NamespaceSystem).Get(ctx, dnsService, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return r.endpointCause(ctx, service, probe.Result{Reason: probe.Unresolved})
}

func serviceOf(c probe.Check, namespace string) (name, ns string) {
	name, other, foreign := strings.Cut(c.Service, ".")
	if foreign {
		return name, other
	}
	return name, namespace
}

func (r *Runner) endpointCause(ctx context.Context, service *corev1.Service, result probe.Result) string {
	found, err := r.endpoints(ctx, service.Namespace, service.Name)
	if err != nil {
		return fmt.Sprintf("cannot list the endpoints of Service %s: %v", service.Name, err)
	}
	ready := readyAddresses(found, nil)
	if len(ready) == 0 {
		return fmt.Sprintf("Service %s has no ready endpoints: %s", service.Name, r.selected(ctx, service))
	}
	if port, ok := servicePort(service, result.Check.Target.Port); ok {
		ready = readyAddresses(found, &port.Name)
		if len(ready) == 0 {
			return fmt.Sprintf("Service %s has no endpoints for port %d: no pod has the targetPort %s", service.Name, port.Port, port.TargetPort.String())
		}
	}
	cause := fmt.Sprintf("Service %s has the ready endpoints %s", service.Name, text.Abbreviate(ready, 3))
	switch result.Reason {
	case probe.Refused:
		cause += ", where nothing listens"
	case probe.Unreachable:
		cause += "; check that NetworkPolicies allow pods with the label " + checks.SmokeLabel + "=true"
	}
	return cause
}

func (r *Runner) endpoints(ctx context.Context, namespace, service string) ([]discoveryv1.EndpointSlice, error) {
	found, err := r.options.Client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{discoveryv1.LabelServiceName: service}.String(),
	})
	if err != nil {
		return nil, err
	}
	return found.Items, nil
}

func servicePort(service *corev1.Service, number int) (corev1.ServicePort, bool) {
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == number })
	if i < 0 {
		return corev1.ServicePort{}, false
	}
	return service.Spec.Ports[i], true
}

// readyAddresses returns the ready endpoints of the named port:
// "10.244.0.7:4001". If portName is nil, it returns all, without port.
func readyAddresses(found []discoveryv1.EndpointSlice, portName *string) []string {
	var ready []string
	for _, slice := range found {
		suffix, ok := "", portName == nil
		for _, p := range slice.Ports {
			if portName != nil && p.Port != nil && ptr.Deref(p.Name, "") == *portName {
				suffix, ok = ":"+strconv.Itoa(int(*p.Port)), true
			}
		}
		if !ok {
			continue
		}
		for _, e := range slice.Endpoints {
			if ptr.Deref(e.Conditions.Ready, true) {
				ready = append(ready, e.Addresses[0]+suffix)
			}
		}
	}
	return ready
}

func (r *Runner) selected(ctx context.Context, service *corev1.Service) string {
	if len(service.Spec.Selector) == 0 {
		return "it has no selector"
	}
	selector := labels.SelectorFromSet(service.Spec.Selector).String()
	pods, err := r.options.Client.CoreV1().Pods(service.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return fmt.Sprintf("cannot list the pods of its selector %s: %v", selector, err)
	}
	return fmt.Sprintf("its selector %s matches %s", selector, countPods(pods.Items))
}

// countPods counts the pods that can be endpoints. A Service selects by label, so its
// selector often matches the ended pods of a Job, too.
func countPods(pods []corev1.Pod) string {
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
	ready := 0
	for _, p := range pods {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	switch {
	case len(pods) == 0:
		return "no pod"
	case len(pods) == 1 && ready == 0:
		return "1 pod, not ready"
	case ready == 0:
		return fmt.Sprintf("%d pods, none ready", len(pods))
	default:
		return fmt.Sprintf("%d pods, %d ready", len(pods), ready)
	}
}
