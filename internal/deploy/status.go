package deploy

import (
	"context"
	"errors"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// Status is what `tkdeploy status --output json` prints; docs/events.md
// documents it.
type Status struct {
	Environment string           `json:"environment"`
	Cluster     ClusterStatus    `json:"cluster"`
	Release     *ReleaseStatus   `json:"release,omitempty"`
	Workloads   []WorkloadStatus `json:"workloads,omitempty"`
	Services    []ServiceStatus  `json:"services,omitempty"`
}

// ClusterStatus is a part of [Status].
type ClusterStatus struct {
	Name       string               `json:"name"`
	Phase      cluster.Phase        `json:"phase"`
	Cause      string               `json:"cause"`
	Kubeconfig string               `json:"kubeconfig,omitempty"`
	Nodes      []cluster.NodeStatus `json:"nodes,omitempty"`
}

// ReleaseStatus is a part of [Status].
type ReleaseStatus struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
	Status    string `json:"status"`
	Verified  bool   `json:"verified"` // it passed its smoke test
	Chart     string `json:"chart"`
}

// WorkloadStatus is a part of [Status].
type WorkloadStatus struct {
	Kind   rollout.Kind `json:"kind"`
	Name   string       `json:"name"`
	Ready  int32        `json:"ready"`
	Wanted int32        `json:"wanted"`
	Images []string     `json:"images"`
}

// Status reads the state of the environment.
func (w *Workspace) Status(ctx context.Context) (*Status, error) {
	seen, err := w.Observe(ctx)
	if err != nil {
		return nil, err
	}
	s := &Status{
		Environment: w.EnvName,
		Cluster:     ClusterStatus{Name: w.Cluster.Name, Phase: seen.Phase, Cause: seen.Reason, Nodes: seen.Nodes},
	}
	if seen.Phase != cluster.Running {
		return s, nil
	}
	s.Cluster.Kubeconfig = w.Cluster.Kubeconfig()
	return s, w.describeRelease(ctx, s)
}

// describeRelease adds the release, its workloads and its services, if there is one.
func (w *Workspace) describeRelease(ctx context.Context, s *Status) error {
	client, err := w.OpenRelease()
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
	s.Release = &ReleaseStatus{
		Name: found.Name, Namespace: found.Namespace, Revision: revision.Revision,
		Status: revision.Status, Verified: revision.Verified, Chart: revision.Chart,
	}
	kube, err := w.Kube()
	if err != nil {
		return err
	}
	watcher := &rollout.Watcher{Client: kube}
	workloads, err := watcher.Status(ctx, rollout.Workloads(found.Objects, found.Namespace))
	if err != nil {
		return err
	}
	for _, workload := range workloads {
		s.Workloads = append(s.Workloads, WorkloadStatus{workload.Kind, workload.Name, workload.Ready, workload.Desired, workload.Images})
	}
	s.Services, err = w.Services(ctx, found.Namespace, found.Objects)
	return err
}
