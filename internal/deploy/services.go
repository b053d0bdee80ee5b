package deploy

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ServiceStatus is a Service of the release.
type ServiceStatus struct {
	Name    string   `json:"name"`
	Ports   []string `json:"ports"`
	Address string   `json:"address,omitempty"` // where a person can reach it from this machine
}

// Services are the release's Services, with the addresses that the cluster's
// published ports give them.
func (w *Workspace) Services(ctx context.Context, namespace string, objects []unstructured.Unstructured) ([]ServiceStatus, error) {
	kube, err := w.Kube()
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
	var out []ServiceStatus
	for _, s := range live.Items {
		if ours[s.Name] {
			out = append(out, ServiceStatus{Name: s.Name, Ports: portNames(s), Address: w.address(s)})
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
func (w *Workspace) address(s corev1.Service) string {
	for _, port := range s.Spec.Ports {
		for _, published := range w.Cluster.Ports {
			if port.NodePort != 0 && port.NodePort == published.Node {
				return fmt.Sprintf("http://localhost:%d", published.Host)
			}
		}
	}
	return ""
}

// Services are those of the revision that this run has seen run, if any.
func (d *Run) RunningServices(ctx context.Context) ([]ServiceStatus, error) {
	if d.running == nil {
		return nil, nil
	}
	return d.Services(ctx, d.Config.Chart.Namespace, d.running.Objects)
}
