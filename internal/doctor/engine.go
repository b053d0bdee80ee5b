package doctor

import (
	"context"
	"fmt"
	"os/exec"
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
			return failErr(fmt.Errorf("%w; skipped its disk, cgroups, clock and resources, the cluster and the registries", err))
		}
		found, err := e.Info(ctx)
		if err != nil {
			return failErr(err)
		}
		info.Store(&found)
		store := found.Driver
		if found.Containerd {
			store += " in containerd's image store"
		}
		return ok("Docker Engine %s at %s, storage %s", found.Version, found.Endpoint, store)
	}
	results := check{"engine", one(run)}.runWithin(ctx, timeout)
	return info.Load(), results[0]
}

func checkDockerCLI(context.Context) Result {
	path, err := exec.LookPath("docker")
	if err != nil {
		return fail("install it (Debian: docker.io or docker-ce-cli)", "docker CLI not found in PATH; kind requires it")
	}
	return ok("%s", path)
}

func checkCgroup(info engine.Info) Result {
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
