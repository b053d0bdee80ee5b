package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"tkdeploy.dev/tkdeploy/internal/buildinfo"
	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/images"
)

// Run does all checks of the environment. Without an engine, those that ask
// it are left out, and its line says so.
func Run(ctx context.Context, w *deploy.Workspace, limit time.Duration) *Diagnosis {
	d := &Diagnosis{Environment: w.EnvName}
	facts, first := engineCheck(ctx, w, limit)
	for _, f := range first {
		d.add(f)
	}
	checks := []check{
		{"docker command", one(dockerCommand)},
		{"state", one(func(context.Context) Result { return stateCheck(w) })},
		{"inotify", one(func(context.Context) Result { return inotifyCheck(facts) })},
	}
	if facts != nil {
		checks = append(checks,
			check{"engine disk", one(func(context.Context) Result { return engineDisk(*facts) })},
			check{"cgroup", one(func(context.Context) Result { return cgroupCheck(*facts) })},
			check{"clock", one(func(context.Context) Result { return clockCheck(*facts) })},
			check{"resources", one(func(context.Context) Result { return resourcesCheck(w, *facts) })},
			check{"cluster", one(func(ctx context.Context) Result { return clusterCheck(ctx, w) })})
	}
	checks = append(checks, check{"port", func(ctx context.Context) []Result { return portChecks(ctx, w) }})
	if facts != nil {
		checks = append(checks, check{"images", func(ctx context.Context) []Result { return registryChecks(ctx, w) }})
	}
	checks = append(checks, check{"versions", one(func(context.Context) Result { return ok("%s", ReadVersions(w)) })})
	for _, f := range perform(ctx, limit, checks) {
		d.add(f)
	}
	return d
}

func one(look func(context.Context) Result) func(context.Context) []Result {
	return func(ctx context.Context) []Result { return []Result{look(ctx)} }
}

// engineCheck connects, and gives what the engine says of itself; nil if none
// answers.
func engineCheck(ctx context.Context, w *deploy.Workspace, limit time.Duration) (*images.Info, []Result) {
	var facts atomic.Pointer[images.Info] // a look that came too late may still write it
	look := func(ctx context.Context) Result {
		engine, err := w.Connect(ctx)
		if err != nil {
			return broken(fmt.Errorf("%w; its disk, cgroups, clock and resources, the cluster and the registries were not looked at", err))
		}
		found, err := engine.Info(ctx)
		if err != nil {
			return broken(err)
		}
		facts.Store(&found)
		store := found.Driver
		if found.Containerd {
			store += " in containerd's image store"
		}
		return ok("Docker Engine %s at %s, storage %s", found.Version, found.Endpoint, store)
	}
	found := check{"engine", one(look)}.within(ctx, limit)
	return facts.Load(), found
}

// dockerCommand looks for the command that kind runs.
func dockerCommand(context.Context) Result {
	path, err := exec.LookPath("docker")
	if err != nil {
		return fail("install it (Debian: docker.io or docker-ce-cli)", "there is no docker command, and kind needs it beside the engine")
	}
	return ok("%s", path)
}

func inotifyCheck(facts *images.Info) Result {
	if facts != nil && !facts.Local {
		return ok("not looked at: the engine is on another machine")
	}
	limits := cluster.ReadInotify()
	if said, fix, few := strings.Cut(limits.Few(), ": "); few {
		return warn(fix, "%s; a cluster may not come up", said)
	}
	return ok("%s", limits)
}

func cgroupCheck(facts images.Info) Result {
	switch facts.Cgroup {
	case "2":
		return ok("version 2")
	case "1":
		return warn("boot with systemd.unified_cgroup_hierarchy=1",
			"version 1: Kubernetes is giving it up; tkdeploy tells the kubelet to accept it")
	}
	return ok("the engine names no version")
}

// Clocks this far apart are worth a word, and this far apart make certificates
// of the new cluster not yet valid here.
const (
	clockWarn = 5 * time.Second
	clockFail = 5 * time.Minute
)

func clockCheck(facts images.Info) Result {
	const fix = "set both clocks by NTP; restart Docker Desktop if its clock stood still"
	ahead, by := "ahead of", facts.ClockSkew.Abs().Round(time.Second)
	if facts.ClockSkew < 0 {
		ahead = "behind"
	}
	switch {
	case facts.ClockSkew.Abs() >= clockFail:
		return fail(fix, "the engine's clock is %s %s this machine's: certificates would not be valid", by, ahead)
	case facts.ClockSkew.Abs() >= clockWarn:
		return warn(fix, "the engine's clock is %s %s this machine's", by, ahead)
	}
	return ok("the engine's clock agrees with this machine's")
}

// clusterCheck says what there is, and fails if up would refuse it.
func clusterCheck(ctx context.Context, w *deploy.Workspace) Result {
	seen, err := w.Cluster.Observe(ctx)
	switch {
	case err != nil:
		return broken(err)
	case seen.Phase == cluster.NotOwned:
		return fail("give the environment another cluster name under cluster.kind.name", "%s: %s", w.Cluster.Name, seen.Reason)
	case seen.Phase == cluster.Outdated:
		return fail("take it down and up again; the volumes are kept: tkdeploy down --env "+w.EnvName, "%s: %s", w.Cluster.Name, seen.Reason)
	case seen.Phase == cluster.NotReady:
		return warn("tkdeploy up waits for it", "%s: %s", w.Cluster.Name, seen.Reason)
	}
	return ok("%s: %s", seen.Phase, seen.Reason)
}

func portChecks(ctx context.Context, w *deploy.Workspace) []Result {
	var all []Result
	for _, s := range w.Cluster.PortStates(ctx) {
		f := ok("%d is free", s.Port.Host)
		switch {
		case s.Owned:
			f = ok("%d is held by our cluster", s.Port.Host)
		case s.Err != nil && s.UsedBy != "":
			f = fail(cluster.PortInUseHint, "%d is taken by %s", s.Port.Host, s.UsedBy)
		case s.Err != nil:
			f = fail(cluster.PortInUseHint, "%d is taken: %v", s.Port.Host, s.Err)
		}
		all = append(all, f)
	}
	return all
}

// Versions are the versions that decide how a cluster and a release are created.
type Versions struct {
	buildinfo.Info
	Libraries []buildinfo.Library
	NodeImage string
}

// ReadVersions returns the versions of this program and of the environment's
// node image.
func ReadVersions(w *deploy.Workspace) Versions {
	return Versions{buildinfo.Read(), buildinfo.Libraries(), w.Env.Cluster.Kind.Image.Ref}
}

// String is "tkdeploy v1.2.3, kind v0.30.0, Helm v3.19.0, nodes from IMAGE".
func (v Versions) String() string {
	parts := []string{"tkdeploy " + v.Version}
	for _, library := range v.Libraries {
		parts = append(parts, library.Name+" "+library.Version)
	}
	return strings.Join(parts, ", ") + ", nodes from " + v.NodeImage
}
