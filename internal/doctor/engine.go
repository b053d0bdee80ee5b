package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
)

// checkEngine returns no Info if the engine does not respond.
func checkEngine(ctx context.Context, s *deploy.Session, timeout time.Duration) (*engine.Info, Result) {
	var info atomic.Pointer[engine.Info] // an abandoned check may still write it
	run := func(ctx context.Context) Result {
		e, err := s.Engine(ctx)
		if err != nil {
			result := failErr(fmt.Errorf("%w; skipped its disk, cgroups, clock and resources, the cluster and the registries", err))
			if found := findSockets("/", os.Getenv); len(found) > 0 {
				result.Message += "; found " + strings.Join(found, ", ")
			}
			return result
		}
		found, err := e.Info(ctx)
		if err != nil {
			return failErr(err)
		}
		info.Store(&found)
		if err := e.CheckReachable(ctx); err != nil {
			return failErr(err)
		}
		store := found.Driver
		if found.Containerd {
			store += " in containerd's image store"
		}
		if found.Rootless {
			store += ", rootless"
		}
		if machine := s.Workspace.Cluster.Machine; machine.IsRemote() {
			store += "; clusters publish their ports on all addresses of " + machine.Host()
		}
		return ok("Docker Engine %s at %s, storage %s", found.Version, found.Endpoint, store)
	}
	results := check{"engine", one(run)}.runWithin(ctx, timeout)
	return info.Load(), results[0]
}

// checkDockerCLI also recognizes the commands that Podman and nerdctl install as docker.
func checkDockerCLI(ctx context.Context) Result {
	const fix = "install it (Debian: docker.io or docker-ce-cli)"
	path, err := exec.LookPath("docker")
	if err != nil {
		return fail(fix, "docker CLI not found in PATH; kind requires it")
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || !strings.HasPrefix(version, "Docker version ") {
		return fail(fix, "%s is not the docker CLI, which kind requires: %s", path, cmp.Or(version, fmt.Sprint(err)))
	}
	return ok("%s", path)
}

// checkCgroup names kind's requirements (sigs.k8s.io/kind
// pkg/cluster/internal/create/create.go, validateProvider).
func checkCgroup(info engine.Info) Result {
	const rootless = "; see https://kind.sigs.k8s.io/docs/user/rootless/"
	switch {
	case info.Rootless && info.Cgroup != "2":
		return fail("boot with systemd.unified_cgroup_hierarchy=1"+rootless, "version %s: nodes of a rootless engine need version 2", cmp.Or(info.Cgroup, "unknown"))
	case info.Rootless && !info.Limits:
		return fail("set Delegate=yes in /etc/systemd/system/user@.service.d/delegate.conf, log in again"+rootless,
			"the rootless engine cannot limit CPU, memory and processes of containers, as nodes need")
	}
	switch info.Cgroup {
	case "2":
		return ok("version 2")
	case "1":
		return warn("boot with systemd.unified_cgroup_hierarchy=1",
			"version 1: deprecated in Kubernetes; tkdeploy configures the kubelet to accept it")
	}
	return ok("version unknown: the engine does not report it")
}

// A skew of clockFail can make the certificates of a new cluster not yet valid on
// this machine: kubeadm backdates them by five minutes (CertificateBackdate).
const (
	clockWarn = 5 * time.Second
	clockFail = 5 * time.Minute
)

func checkClock(info engine.Info) Result {
	const fix = "synchronize both clocks with NTP; restart Docker Desktop if its clock has stopped"
	direction, skew := "ahead of", info.ClockSkew.Abs()
	if info.ClockSkew < 0 {
		direction = "behind"
	}
	switch {
	case skew >= clockFail:
		return fail(fix, "the engine's clock is %s %s this machine's: certificates would be invalid", skew.Round(time.Second), direction)
	case skew >= clockWarn:
		return warn(fix, "the engine's clock is %s %s this machine's", skew.Round(time.Second), direction)
	}
	return ok("the engine's clock agrees with this machine's")
}
