package checks

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Derive returns the checks for the rendered objects of a release, in the order
// of the objects. The first one checks the cluster DNS, followed by:
//
//   - for each Service: its short and full name resolve, and every TCP port
//     accepts connections; for an ExternalName only the names;
//   - for each Service port whose pods have an HTTP or gRPC probe on it: that
//     health check through the Service; readiness before liveness before startup;
//   - for each other port declared as gRPC: the standard health check, which passes
//     if the server has no health service.
//
// UDP ports are not checked. Objects without a namespace are in namespace.
// Derive ignores objects that the API server would reject.
func Derive(objects []unstructured.Unstructured, namespace string) []probe.Check {
	templates := podTemplates(objects, namespace)
	checks := []probe.Check{{
		ID:     ClusterDNS,
		Kind:   probe.DNS,
		Target: probe.Target{Host: fullName("kubernetes", "default")},
	}}
	for _, service := range services(objects, namespace) {
		d := derivation{service: service, short: shortName(service, namespace), pods: templates.selectedBy(service)}
		checks = append(checks, d.derive()...)
	}
	return link(checks)
}

func fullName(service, namespace string) string {
	return fmt.Sprintf("%s.%s.svc.%s", service, namespace, probe.DefaultDomain)
}

type derivation struct {
	service corev1.Service
	short   string // its name for the release's pods
	pods    []podTemplate
	checks  []probe.Check
}

func (d *derivation) derive() []probe.Check {
	d.add("dns", probe.Check{Kind: probe.DNS, Target: probe.Target{Host: d.short}})
	d.add("dns-full", probe.Check{Kind: probe.DNS, Target: probe.Target{Host: fullName(d.service.Name, d.service.Namespace)}})
	if d.service.Spec.Type == corev1.ServiceTypeExternalName {
		return d.checks
	}
	for _, port := range d.service.Spec.Ports {
		if port.Protocol == "" || port.Protocol == corev1.ProtocolTCP {
			d.addPort(port)
		}
	}
	return d.checks
}

// addPort uses the pods' target port for a headless Service, as clients do.
func (d *derivation) addPort(port corev1.ServicePort) {
	number := int(port.Port)
	if target := d.targetPort(port); target > 0 && d.service.Spec.ClusterIP == corev1.ClusterIPNone {
		number = target
	}
	target := probe.Target{Host: d.short, Port: number}
	d.add(fmt.Sprintf("tcp-%d", number), probe.Check{Kind: probe.TCP, Target: target})

	for _, pod := range d.pods {
		if check, ok := pod.health(port, target); ok {
			d.add(string(check.Kind)+"-health", check)
			return
		}
	}
	if isGRPC(port) {
		d.add("grpc-health", probe.Check{Kind: probe.GRPC, Target: target, Guessed: true})
	}
}

func (d *derivation) targetPort(port corev1.ServicePort) int {
	for _, pod := range d.pods {
		if number := pod.targetPort(port); number > 0 {
			return number
		}
	}
	return port.TargetPort.IntValue()
}

// add appends the port to an ID that is taken.
func (d *derivation) add(suffix string, check probe.Check) {
	check.Service = d.short
	check.ID = d.short + "/" + suffix
	for _, other := range d.checks {
		if other.Kind == check.Kind && other.Target == check.Target {
			return // two ports of a headless Service with the same target port
		}
		if other.ID == check.ID {
			check.ID = fmt.Sprintf("%s-%d", check.ID, check.Target.Port)
		}
	}
	d.checks = append(d.checks, check)
}

// isGRPC checks appProtocol, then the name, "<protocol>[-<suffix>]" as in Istio.
// gRPC-Web is HTTP.
func isGRPC(port corev1.ServicePort) bool {
	if port.AppProtocol != nil {
		return *port.AppProtocol == "grpc"
	}
	return port.Name == "grpc" || strings.HasPrefix(port.Name, "grpc-") && !strings.HasPrefix(port.Name, "grpc-web")
}
