package verify

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// ClusterDNS is the ID of the check that all others stand on.
const ClusterDNS = "cluster-dns"

// Derive gives the checks that the rendered objects of a release promise, in
// the objects' order, after a check of the cluster's own DNS:
//
//   - each Service: its short and its full name have an address, and every TCP
//     port connects; of an ExternalName only the names, and UDP not at all;
//   - each port of a Service whose pods have an HTTP or gRPC probe on it: that
//     health check through the Service; readiness before liveness before startup;
//   - each other port that is declared to be gRPC: the standard health check.
//
// namespace is that of the release: objects without one are in it. An object
// that the API server would refuse for its types gives no checks.
func Derive(objects []unstructured.Unstructured, namespace string) []probe.Check {
	backends := podTemplates(objects, namespace)
	checks := []probe.Check{{
		ID:     ClusterDNS,
		Kind:   probe.DNS,
		Target: probe.Target{Host: fullName("kubernetes", "default")},
	}}
	for _, object := range objects {
		if object.GroupVersionKind().GroupKind() != corev1.SchemeGroupVersion.WithKind("Service").GroupKind() {
			continue
		}
		var service corev1.Service
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &service) != nil {
			continue
		}
		d := derivation{service: service, short: service.Name, pods: backends.behind(service, namespace)}
		if service.Namespace == "" {
			d.service.Namespace = namespace
		} else if service.Namespace != namespace {
			d.short += "." + service.Namespace
		}
		checks = append(checks, d.checks()...)
	}
	return link(checks)
}

func fullName(service, namespace string) string {
	return fmt.Sprintf("%s.%s.svc.%s", service, namespace, probe.DefaultDomain)
}

// A derivation makes the checks of one Service.
type derivation struct {
	service corev1.Service
	short   string // the name by which the release's pods reach it
	pods    []podTemplate
	made    []probe.Check
}

func (d *derivation) checks() []probe.Check {
	d.add("dns", probe.Check{Kind: probe.DNS, Target: probe.Target{Host: d.short}})
	d.add("dns-full", probe.Check{Kind: probe.DNS, Target: probe.Target{Host: fullName(d.service.Name, d.service.Namespace)}})
	if d.service.Spec.Type == corev1.ServiceTypeExternalName {
		return d.made
	}
	for _, port := range d.service.Spec.Ports {
		if port.Protocol == "" || port.Protocol == corev1.ProtocolTCP {
			d.addPort(port)
		}
	}
	return d.made
}

// addPort adds the checks of one TCP port. A headless Service has no address
// of its own: its clients reach the pods, at the target port.
func (d *derivation) addPort(port corev1.ServicePort) {
	dial := int(port.Port)
	if target := d.targetPort(port); target > 0 && d.service.Spec.ClusterIP == corev1.ClusterIPNone {
		dial = target
	}
	target := probe.Target{Host: d.short, Port: dial}
	d.add(fmt.Sprintf("tcp-%d", dial), probe.Check{Kind: probe.TCP, Target: target})

	for _, pod := range d.pods {
		if check, ok := pod.health(port, target); ok {
			d.add(string(check.Kind)+"-health", check)
			return
		}
	}
	if isGRPC(port) {
		d.add("grpc-health", probe.Check{Kind: probe.GRPC, Target: target})
	}
}

// targetPort is the container port behind port, or 0 if no template tells.
func (d *derivation) targetPort(port corev1.ServicePort) int {
	for _, pod := range d.pods {
		if number := pod.targetPort(port); number > 0 {
			return number
		}
	}
	return port.TargetPort.IntValue()
}

// add names the check; of several with one suffix, the later carry their port.
func (d *derivation) add(suffix string, check probe.Check) {
	check.Service = d.short
	check.ID = d.short + "/" + suffix
	for _, other := range d.made {
		if other.Kind == check.Kind && other.Target == check.Target {
			return // two ports of a headless Service that lead to one port of the pods
		}
		if other.ID == check.ID {
			check.ID = fmt.Sprintf("%s-%d", check.ID, check.Target.Port)
		}
	}
	d.made = append(d.made, check)
}

// isGRPC goes by the field appProtocol, then by the port's name, which Istio
// and others read as "<protocol>[-<suffix>]".
func isGRPC(port corev1.ServicePort) bool {
	if port.AppProtocol != nil {
		return *port.AppProtocol == "grpc"
	}
	return port.Name == "grpc" || strings.HasPrefix(port.Name, "grpc-")
}
