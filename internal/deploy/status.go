package deploy

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy/address"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/health/selection"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// Status is the state of an environment. docs/events.md documents its JSON form.
type Status struct {
	Environment string            `json:"environment"`
	Cluster     ClusterStatus     `json:"cluster"`
	Release     *ReleaseStatus    `json:"release,omitempty"`
	Workloads   []WorkloadStatus  `json:"workloads,omitempty"`
	Services    []address.Service `json:"services,omitempty"`
	Warnings    []string          `json:"warnings,omitempty"`
}

// ClusterStatus is the state of the environment's cluster.
type ClusterStatus struct {
	Name       string               `json:"name"`
	Phase      cluster.Phase        `json:"phase"`
	Reason     string               `json:"reason"`
	Kubeconfig string               `json:"kubeconfig,omitempty"`
	Nodes      []cluster.NodeStatus `json:"nodes,omitempty"`

	NotOwned error `json:"-"` // names both owners; nil in other phases
}

// ReleaseStatus is the state of the newest revision.
type ReleaseStatus struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
	Status    string `json:"status"`
	Verified  bool   `json:"verified"` // passed its smoke test
	Chart     string `json:"chart"`

	// Partly means that the revision failed with some of its objects in the cluster.
	Partly bool `json:"partly_applied,omitempty"`
}

// WorkloadStatus is the state of one workload of the release.
type WorkloadStatus struct {
	Kind    health.Kind `json:"kind"`
	Name    string      `json:"name"`
	Ready   int32       `json:"ready"`
	Desired int32       `json:"desired"`
	Images  []string    `json:"images"`
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
		Cluster:     ClusterStatus{Name: c.Name, Phase: observed.Phase, Reason: observed.Reason, Nodes: observed.Nodes, NotOwned: observed.NotOwned},
	}
	if observed.Phase == cluster.Incomplete {
		path, err := s.clusterLock(ctx)
		if run, ok := lock.ExclusiveHolder(path); ok && err == nil {
			status.Cluster.Reason = "another run creates or deletes it: " + run.String()
		}
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
		Status: revision.Status, Verified: revision.Verified, Chart: revision.Chart, Partly: revision.Partly,
	}
	clients, err := s.openClients(ctx)
	if err != nil {
		return err
	}
	selected := selection.Of(found.Objects, found.Namespace)
	watcher := &rollout.Watcher{Client: clients.kube, Dynamic: clients.dynamic, Suspended: selected.Suspended}
	workloads, err := watcher.Status(ctx, selected.Objects)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		status.Workloads = append(status.Workloads, WorkloadStatus{w.Kind, w.Name, w.Ready, w.Desired, w.Images})
	}
	status.Services, status.Warnings, err = address.List(ctx, clients.kube, found.Namespace, found.Objects, s.Workspace.Cluster.Spec)
	return err
}

// DeployedServices returns the Services of the deployed revision, with warnings
// about published ports, or nil if the session has not read the revision.
func (s *Session) DeployedServices(ctx context.Context) (services []address.Service, warnings []string, err error) {
	deployed, ok := s.release.Peek()
	if !ok {
		return nil, nil, nil
	}
	kube, err := s.Kube(ctx)
	if err != nil {
		return nil, nil, err
	}
	return address.List(ctx, kube, s.Workspace.Config.Chart.Namespace, deployed.Objects, s.Workspace.Cluster.Spec)
}
