package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type serviceStatus struct {
	Name    string   `json:"name"`
	Ports   []string `json:"ports"`
	Address string   `json:"address,omitempty"` // where a person can reach it from this machine
}

// services are the release's Services, with the addresses that the cluster's
// published ports give them.
func (w *workspace) services(ctx context.Context, namespace string, objects []unstructured.Unstructured) ([]serviceStatus, error) {
	kube, err := w.kube()
	if err != nil {
		return nil, err
	}
	live, err := kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	ours := map[string]bool{}
	for _, o := range objects {
		if o.GetKind() == "Service" {
			ours[o.GetName()] = true
		}
	}
	var out []serviceStatus
	for _, s := range live.Items {
		if ours[s.Name] {
			out = append(out, serviceStatus{Name: s.Name, Ports: portNames(s), Address: w.address(s)})
		}
	}
	return out, nil
}

func portNames(s corev1.Service) []string {
	var ports []string
	for _, p := range s.Spec.Ports {
		ports = append(ports, fmt.Sprint(p.Port))
	}
	return ports
}

// address is where a browser on this machine finds the Service, or "".
func (w *workspace) address(s corev1.Service) string {
	for _, port := range s.Spec.Ports {
		for _, published := range w.cluster.Ports {
			if port.NodePort != 0 && port.NodePort == published.Node {
				return fmt.Sprintf("http://localhost:%d", published.Host)
			}
		}
	}
	return ""
}

// printAddresses ends an up that has seen the app run with what a person wants to
// know next.
func (d *deployment) printAddresses(ctx context.Context, streams Streams) error {
	if d.running == nil {
		return nil
	}
	services, err := d.services(ctx, d.config.Chart.Namespace, d.running.Objects)
	if err != nil {
		return err
	}
	p := newPrinter(streams.Out)
	for _, service := range services {
		if service.Address != "" {
			p.row(service.Name, service.Address)
		}
	}
	return p.close()
}
