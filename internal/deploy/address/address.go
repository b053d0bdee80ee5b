// Package address derives the addresses of Services on this machine.
package address

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/cluster"
)

// Of returns where a Service is reachable from this machine: by a port that the
// cluster publishes, or by its load balancer. It is a URL if the port is likely to
// serve HTTP, otherwise HOST:PORT, or "".
func Of(service corev1.Service, published cluster.Spec) string {
	for _, port := range service.Spec.Ports {
		i := slices.IndexFunc(published.Ports, func(p cluster.Port) bool { return port.NodePort != 0 && p.Node == port.NodePort })
		if i >= 0 {
			return format(port, published.Machine.Host(), published.Ports[i].Host)
		}
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		host := cmp.Or(ingress.Hostname, ingress.IP)
		if len(service.Spec.Ports) > 0 && host != "" {
			return format(service.Spec.Ports[0], host, service.Spec.Ports[0].Port)
		}
	}
	return ""
}

func format(port corev1.ServicePort, host string, number int32) string {
	address := net.JoinHostPort(host, strconv.Itoa(int(number)))
	if scheme := scheme(port); scheme != "" {
		return scheme + "://" + address
	}
	return address
}

// other are protocols other than HTTP, as names of ports begin.
var other = []string{"tcp", "udp", "tls", "grpc", "amqp", "kafka", "mongo", "mqtt", "mysql", "nats", "postgres", "redis", "sql"}

// scheme checks appProtocol, then the name, "<protocol>[-<suffix>]" as in Istio, then
// the number.
func scheme(port corev1.ServicePort) string {
	name := port.Name
	if port.AppProtocol != nil {
		name = *port.AppProtocol
	}
	name = strings.ToLower(name)
	hasPrefix := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case port.Protocol != "" && port.Protocol != corev1.ProtocolTCP:
		return ""
	case hasPrefix("https") || name == "" && (port.Port == 443 || port.Port == 8443):
		return "https"
	case hasPrefix("grpc-web"):
		return "http"
	case slices.ContainsFunc(other, hasPrefix) || name == "" && slices.Contains([]int32{3306, 5432, 5672, 6379, 9092, 27017}, port.Port):
		return ""
	default:
		return "http"
	}
}

// Unused returns the published ports that lead to no Service and no pod.
func Unused(published []cluster.Port, services []corev1.Service, pods []corev1.Pod) []cluster.Port {
	used := map[int32]bool{}
	for _, service := range services {
		for _, port := range service.Spec.Ports {
			used[port.NodePort] = true
		}
	}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				used[port.HostPort] = true
				if pod.Spec.HostNetwork {
					used[port.ContainerPort] = true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(published), func(p cluster.Port) bool { return used[p.Node] })
}
