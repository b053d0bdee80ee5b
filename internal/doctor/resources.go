package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Free space below which a build or a node is sure to fail soon, and below which
// the first up of a stack may: its images and the node's copies take this much.
const (
	diskFail = deploy.MinFreeDisk
	diskWarn = 10 << 30
)

func engineDisk(facts images.Info) Result {
	if !facts.Local {
		return ok("not looked at: %s is on another machine", facts.Root)
	}
	return diskCheck(facts.Root, diskWarn, "`docker system df` shows what uses it; `docker builder prune` frees old build steps")
}

func stateCheck(w *deploy.Workspace) Result {
	return diskCheck(w.Cluster.StateDir, diskFail, "free some space there, or set XDG_STATE_HOME to another disk")
}

// diskCheck fails below diskFail and warns below enough.
func diskCheck(path string, enough uint64, fix string) Result {
	free, err := images.FreeSpace(path)
	if err != nil {
		return broken(err)
	}
	switch {
	case free < diskFail:
		return fail(fix, "%s has only %s left", path, gib(free))
	case free < enough:
		return warn(fix, "%s has %s left; a first up of a stack may need %s", path, gib(free), gib(enough))
	}
	return ok("%s free at %s", gib(free), path)
}

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// What the pods of kind's own control plane request together: kubeadm's static
// pods (cmd/kubeadm/app/phases), two of CoreDNS, and kindnet.
const (
	systemCPU    = "950m"
	systemMemory = "290Mi"
)

// resourcesCheck compares what the rendered pods request with what the engine
// has. Each kind node believes to have the whole machine, so that pods which do
// not fit into the machine are still scheduled where there are several nodes.
func resourcesCheck(w *deploy.Workspace, facts images.Info) Result {
	rendered, err := w.Render()
	if err != nil {
		return broken(err)
	}
	nodes := int64(1 + w.Env.Cluster.Kind.Workers)
	asked := rendered.Requests(nodes)
	asked.CPU.Add(resource.MustParse(systemCPU))
	asked.Memory.Add(resource.MustParse(systemMemory))
	return compareResources(asked, facts, nodes)
}

func compareResources(asked release.Requests, facts images.Info, nodes int64) Result {
	const fix = "give the engine more (Docker Desktop: Settings, Resources), or request less in the environment's values"
	said := fmt.Sprintf("%s and the control plane request %s CPU and %s memory; the engine has %d and %s", text.Plural(int(asked.Pods), "pod"),
		cores(asked.CPU), gib(uint64(asked.Memory.Value())), facts.CPUs, gib(uint64(facts.Memory)))
	cpus, memory := resource.NewQuantity(int64(facts.CPUs), resource.DecimalSI), resource.NewQuantity(facts.Memory, resource.BinarySI)
	if asked.CPU.Cmp(*cpus) <= 0 && asked.Memory.Cmp(*memory) <= 0 {
		return ok("%s", said)
	}
	cpus.Mul(nodes)
	memory.Mul(nodes)
	if asked.CPU.Cmp(*cpus) > 0 || asked.Memory.Cmp(*memory) > 0 {
		return fail(fix, "%s: not all pods can be scheduled", said)
	}
	return warn(fix, "%s: they will be scheduled and be slow", said)
}

func cores(q resource.Quantity) string { return fmt.Sprintf("%.2f", q.AsApproximateFloat64()) }

// registryChecks is one line for the images that are here and one for each
// registry that would have to give others.
func registryChecks(ctx context.Context, w *deploy.Workspace) []Result {
	engine, err := w.Connect(ctx)
	if err != nil {
		return []Result{broken(err)}
	}
	set, err := w.AppImages()
	if err != nil {
		return []Result{broken(err)}
	}
	sources := slices.Concat(w.NodeImage().Sources, set.Bases, set.Sources)
	outside, err := engine.CheckRemote(ctx, sources)
	if err != nil {
		return []Result{broken(err)}
	}
	here := 0
	absent := map[string][]images.RemoteStatus{}
	var registries []string
	for _, o := range outside {
		if o.Local {
			here++
			continue
		}
		registries = text.AppendUnique(registries, o.Registry)
		absent[o.Registry] = append(absent[o.Registry], o)
	}
	all := []Result{ok("%d of %s from outside are in the engine", here, text.Plural(len(outside), "image"))}
	slices.Sort(registries)
	for _, name := range registries {
		f := registryFinding(absent[name])
		f.Name = "registry " + name
		all = append(all, f)
	}
	return all
}

// registryFinding judges the images that one registry would have to give.
func registryFinding(absent []images.RemoteStatus) Result {
	var given, made, lost []string
	var why error
	for _, o := range absent {
		switch {
		case o.Err == nil:
			given = append(given, o.Source.Name)
			continue
		case o.Source.Recipe != "":
			made = append(made, o.Source.Name)
		default:
			lost = append(lost, o.Source.Name)
		}
		if why == nil || o.Source.Recipe == "" {
			why = o.Err
		}
	}
	if len(lost) > 0 {
		return fail("make them present (docker pull, load or tag), or give them a recipe (offline:)",
			"no source for %s: %v", strings.Join(lost, ", "), why)
	}
	if len(made) > 0 {
		return warn("nothing, if the recipes can reach their package mirrors; else make the images present or the registry reachable",
			"%s will be made by recipe: %v", strings.Join(made, ", "), why)
	}
	return ok("gives %s", strings.Join(given, ", "))
}
