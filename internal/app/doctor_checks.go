package app

import (
	"context"
	"fmt"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/engine"
)

// examine does all checks of the environment. Without an engine, those that ask
// it are left out, and its line says so.
func (w *workspace) examine(ctx context.Context, limit time.Duration) *diagnosis {
	d := &diagnosis{Environment: w.envName}
	facts, first := w.engineCheck(ctx, limit)
	for _, f := range first {
		d.add(f)
	}
	checks := []check{
		{"docker command", one(dockerCommand)},
		{"state", one(func(context.Context) finding { return w.stateCheck() })},
		{"inotify", one(func(context.Context) finding { return inotifyCheck(facts) })},
	}
	if facts != nil {
		checks = append(checks,
			check{"engine disk", one(func(context.Context) finding { return engineDisk(*facts) })},
			check{"cgroup", one(func(context.Context) finding { return cgroupCheck(*facts) })},
			check{"clock", one(func(context.Context) finding { return clockCheck(*facts) })},
			check{"resources", one(func(context.Context) finding { return w.resourcesCheck(*facts) })},
			check{"cluster", one(w.clusterCheck)})
	}
	checks = append(checks, check{"port", w.portChecks})
	if facts != nil {
		checks = append(checks, check{"images", w.registryChecks})
	}
	checks = append(checks, check{"versions", one(func(context.Context) finding { return w.versions() })})
	for _, f := range perform(ctx, limit, checks) {
		d.add(f)
	}
	return d
}

func one(look func(context.Context) finding) func(context.Context) []finding {
	return func(ctx context.Context) []finding { return []finding{look(ctx)} }
}

// engineCheck connects, and gives what the engine says of itself; nil if none
// answers.
func (w *workspace) engineCheck(ctx context.Context, limit time.Duration) (*engine.Info, []finding) {
	var facts atomic.Pointer[engine.Info] // a look that came too late may still write it
	look := func(ctx context.Context) finding {
		engine, err := w.connect(ctx)
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
func dockerCommand(context.Context) finding {
	path, err := exec.LookPath("docker")
	if err != nil {
		return fail("install it (Debian: docker.io or docker-ce-cli)", "there is no docker command, and kind needs it beside the engine")
	}
	return ok("%s", path)
}

func inotifyCheck(facts *engine.Info) finding {
	if facts != nil && !facts.Local {
		return ok("not looked at: the engine is on another machine")
	}
	limits := cluster.ReadInotify()
	if problem, fix := limits.Shortfall(); problem != "" {
		return warn(fix, "%s; a cluster may not come up", problem)
	}
	return ok("%s", limits)
}

func cgroupCheck(facts engine.Info) finding {
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

func clockCheck(facts engine.Info) finding {
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
func (w *workspace) clusterCheck(ctx context.Context) finding {
	seen, err := w.cluster.Observe(ctx)
	switch {
	case err != nil:
		return broken(err)
	case seen.Phase == cluster.NotOwned:
		return fail("give the environment another cluster name under cluster.kind.name", "%s: %s", w.cluster.Name, seen.Reason)
	case seen.Phase == cluster.Outdated:
		return fail("take it down and up again; the volumes are kept: tkdeploy down --env "+w.envName, "%s: %s", w.cluster.Name, seen.Reason)
	case seen.Phase == cluster.NotReady:
		return warn("tkdeploy up waits for it", "%s: %s", w.cluster.Name, seen.Reason)
	}
	return ok("%s: %s", seen.Phase, seen.Reason)
}

func (w *workspace) portChecks(ctx context.Context) []finding {
	var all []finding
	for _, s := range w.cluster.PortStates(ctx) {
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

func (w *workspace) versions() finding {
	parts := []string{"tkdeploy " + buildVersion().Version}
	build, known := debug.ReadBuildInfo()
	for _, library := range []struct{ name, module string }{{"kind", "sigs.k8s.io/kind"}, {"Helm", "helm.sh/helm/v3"}} {
		for i := 0; known && i < len(build.Deps); i++ {
			if build.Deps[i].Path == library.module {
				parts = append(parts, library.name+" "+build.Deps[i].Version)
			}
		}
	}
	return ok("%s, nodes from %s", strings.Join(parts, ", "), w.env.Cluster.Kind.Image.Ref)
}
