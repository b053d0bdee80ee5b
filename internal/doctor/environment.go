package doctor

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"tkdeploy.dev/tkdeploy/internal/buildinfo"
	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Versions are the versions that decide how a cluster and a release are created.
type Versions struct {
	Build     buildinfo.Info
	Libraries []buildinfo.Library
	NodeImage string
}

// ReadVersions returns the versions of this program and the node image.
func ReadVersions(w *deploy.Workspace) Versions {
	return Versions{buildinfo.Read(), buildinfo.Libraries(), w.Env.Cluster.Kind.Image.Ref}
}

// String returns "tkdeploy v1.2.3, kind v0.30.0, Helm v3.19.0, ..., nodes from IMAGE".
func (v Versions) String() string {
	parts := []string{"tkdeploy " + v.Build.Version}
	for _, library := range v.Libraries {
		parts = append(parts, library.Name+" "+library.Version)
	}
	return strings.Join(parts, ", ") + ", nodes from " + v.NodeImage
}

// checkCluster fails if `tkdeploy up` would reject the cluster.
func checkCluster(ctx context.Context, s *deploy.Session) Result {
	name, env := s.Workspace.Cluster.Name, s.Workspace.EnvName
	status, err := s.Cluster(ctx)
	switch {
	case err != nil:
		return failErr(err)
	case status.Phase == cluster.NotOwned:
		return fail(fault.HintOf(status.NotOwned), "%s: %s", name, status.Reason)
	case status.Phase == cluster.Outdated:
		return fail(fmt.Sprintf("recreate it, volumes are kept, the release is not: tkdeploy down --env %s && tkdeploy up --env %s", env, env), "%s: %s", name, status.Reason)
	case status.Phase == cluster.NotReady:
		return warn("wait, or run tkdeploy up, which waits for it", "%s: %s", name, status.Reason)
	}
	return ok("%s: %s", status.Phase, status.Reason)
}

// The requests of kind's control plane: kubeadm's static pods
// (cmd/kubeadm/app/phases), two of CoreDNS, and kindnet.
const (
	systemCPU    = "950m"
	systemMemory = "290Mi"
)

// checkResources compares the pods' requests with the engine's resources. Each kind
// node reports the resources of the whole machine, so with several nodes the
// scheduler places more pods than fit.
func checkResources(w *deploy.Workspace, info engine.Info) Result {
	rendered, err := w.Render()
	if err != nil {
		return failErr(err)
	}
	nodes := int64(1 + w.Env.Cluster.Kind.Workers)
	requests := rendered.Requests(nodes)
	requests.CPU.Add(resource.MustParse(systemCPU))
	requests.Memory.Add(resource.MustParse(systemMemory))
	return compareResources(requests, info, nodes)
}

func compareResources(requests chart.Requests, info engine.Info, nodes int64) Result {
	const fix = "give the engine more (Docker Desktop: Settings, Resources), or request less in the environment's values"
	summary := fmt.Sprintf("%s and the control plane request %s CPU and %s memory; the engine has %d and %s", text.Plural(requests.Pods, "pod"),
		cores(requests.CPU), gib(uint64(requests.Memory.Value())), info.CPUs, gib(uint64(info.Memory)))
	cpus, memory := resource.NewQuantity(int64(info.CPUs), resource.DecimalSI), resource.NewQuantity(info.Memory, resource.BinarySI)
	if requests.CPU.Cmp(*cpus) <= 0 && requests.Memory.Cmp(*memory) <= 0 {
		return ok("%s", summary)
	}
	cpus.Mul(nodes)
	memory.Mul(nodes)
	if requests.CPU.Cmp(*cpus) > 0 || requests.Memory.Cmp(*memory) > 0 {
		return fail(fix, "%s: not all pods can be scheduled", summary)
	}
	return warn(fix, "%s: they will be scheduled and be slow", summary)
}

func cores(q resource.Quantity) string { return fmt.Sprintf("%.2f", q.AsApproximateFloat64()) }
