package address

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster"
)

// Service is a live Service of a release.
type Service struct {
	Name    string   `json:"name"` // "name.namespace" in another namespace than the release
	Ports   []string `json:"ports"`
	Address string   `json:"address,omitempty"` // see [Of]
	Pending bool     `json:"pending,omitempty"` // waits for a load balancer
}

// List reads the live Services among the objects of a release, and warns about
// published ports that lead nowhere. Objects without a namespace are in namespace.
func List(ctx context.Context, kube kubernetes.Interface, namespace string, objects []unstructured.Unstructured, published cluster.Spec) (services []Service, warnings []string, err error) {
	live, err := kube.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("list Services: %w", err)
	}
	owned := map[types.NamespacedName]bool{}
	for _, o := range objects {
		if o.GetKind() == "Service" {
			owned[types.NamespacedName{Namespace: cmp.Or(o.GetNamespace(), namespace), Name: o.GetName()}] = true
		}
	}
	for _, service := range live.Items {
		if owned[types.NamespacedName{Namespace: service.Namespace, Name: service.Name}] {
			services = append(services, newService(service, namespace, published))
		}
	}
	warnings, err = warn(ctx, kube, live.Items, published.Ports)
	return services, warnings, err
}

func newService(service corev1.Service, namespace string, published cluster.Spec) Service {
	s := Service{Name: service.Name, Address: Of(service, published)}
	if service.Namespace != namespace {
		s.Name += "." + service.Namespace
	}
	for _, p := range service.Spec.Ports {
		s.Ports = append(s.Ports, fmt.Sprint(p.Port))
	}
	s.Pending = s.Address == "" && service.Spec.Type == corev1.ServiceTypeLoadBalancer
	return s
}

// warn lists pods only if no Service uses a port.
func warn(ctx context.Context, kube kubernetes.Interface, services []corev1.Service, published []cluster.Port) ([]string, error) {
	unused := Unused(published, services, nil)
	if len(unused) == 0 {
		return nil, nil
	}
	pods, err := kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	var warnings []string
	for _, port := range Unused(unused, nil, pods.Items) {
		warnings = append(warnings, fmt.Sprintf("port %d of this machine leads nowhere: no Service has the nodePort %d", port.Host, port.Node))
	}
	return warnings, nil
}
