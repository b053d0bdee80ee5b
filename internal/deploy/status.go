package deploy

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// Status is the state of an environment. docs/events.md documents its JSON form.
type Status struct {
	Environment string           `json:"environment"`
	Cluster     ClusterStatus    `json:"cluster"`
	Release     *ReleaseStatus   `json:"release,omitempty"`
	Workloads   []WorkloadStatus `json:"workloads,omitempty"`
	Services    []ServiceStatus  `json:"services,omitempty"`
}

// ClusterStatus is the state of the environment's cluster.
type ClusterStatus struct {
	Name       string               `json:"name"`
	Phase      cluster.Phase        `json:"phase"`
	Reason     string               `json:"reason"`
	Kubeconfig string               `json:"kubeconfig,omitempty"`
	Nodes      []cluster.NodeStatus `json:"nodes,omitempty"`
}

// ReleaseStatus is the state of the newest revision.
type ReleaseStatus struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
	Status    string `json:"status"`
	Verified  bool   `json:"verified"` // passed its smoke test
	Chart     string `json:"chart"`
}

// WorkloadStatus is the state of one workload of the release.
type WorkloadStatus struct {
	Kind    health.Kind `json:"kind"`
	Name    string      `json:"name"`
	Ready   int32       `json:"ready"`
	Desired int32       `json:"desired"`
	Images  []string    `json:"images"`
}

// ServiceStatus is one Service of the release.
type ServiceStatus struct {
	Name    string   `json:"name"`
	Ports   []string `json:"ports"`
	Address string   `json:"address,omitempty"` // URL on this machine
}

// Status reads the state of the environment. Release is nil if there is none or the
// cluster is not running.
func (s *Session) Status(ctx context.Context) (*Status, error) {
	observed, err := s.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	c := s.Workspace.Cluster
	status := &Status{
		Environment: s.Workspace.EnvName,
		Cluster:     ClusterStatus{Name: c.Name, Phase: observed.Phase, Reason: observed.Reason, Nodes: observed.Nodes},
	}
	if observed.Phase != cluster.Running {
		return status, nil
	}
	status.Cluster.Kubeconfig = c.Kubeconfig()
	return status, s.addRelease(ctx, status)
}

func (s *Session) addRelease(ctx context.Context, status *Status) error {
	client, err := s.OpenRelease(ctx)
	if err != nil {
		return err
	}
	found, err := client.Status(ctx)
	if errors.Is(err, release.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	revision := found.Revision
	status.Release = &ReleaseStatus{
		Name: found.Name, Namespace: found.Namespace, Revision: revision.Revision,
		Status: revision.Status, Verified: revision.Verified, Chart: revision.Chart,
	}
	kube, err := s.Kube(ctx)
	if err != nil {
		return err
	}
	watcher := &rollout.Watcher{Client: kube}
	workloads, err := watcher.Status(ctx, health.Workloads(found.Objects, found.Namespace))
	if err != nil {
		return err
	}
	for _, w := range workloads {
		status.Workloads = append(status.Workloads, WorkloadStatus{w.Kind, w.Name, w.Ready, w.Desired, w.Images})
	}
	status.Services, err = s.services(ctx, found.Namespace, found.Objects)
	return err
}

// DeployedServices returns the Services of the deployed revision, or nil if the
// session has not read it.
func (s *Session) DeployedServices(ctx context.Context) ([]ServiceStatus, error) {
	deployed, ok := s.release.peek()
	if !ok {
		return nil, nil
	}
	return s.services(ctx, s.Workspace.Config.Chart.Namespace, deployed.Objects)
}

func (s *Session) services(ctx context.Context, namespace string, objects []unstructured.Unstructured) ([]ServiceStatus, error) {
	kube, err := s.Kube(ctx)
	if err != nil {
		return nil, err
	}
	live, err := kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	owned := map[string]bool{}
	for _, o := range objects {
		if o.GetKind() == "Service" {
			owned[o.GetName()] = true
		}
	}
	var services []ServiceStatus
	for _, service := range live.Items {
		if owned[service.Name] {
			services = append(services, ServiceStatus{service.Name, portNumbers(service), s.Workspace.address(service)})
		}
	}
	return services, nil
}

func portNumbers(service corev1.Service) []string {
	var ports []string
	for _, p := range service.Spec.Ports {
		ports = append(ports, fmt.Sprint(p.Port))
	}
	return ports
}

// address returns the URL of the Service on this machine, or "" if no port is
// published.
func (w *Workspace) address(service corev1.Service) string {
	for _, port := range service.Spec.Ports {
		for _, published := range w.Cluster.Ports {
			if port.NodePort != 0 && port.NodePort == published.Node {
				return fmt.Sprintf("http://localhost:%d", published.Host)
			}
		}
	}
	return ""
}
