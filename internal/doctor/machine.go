package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/engine"
)

// minFirstUp is the space in bytes for the images of a large stack and their copies
// on the nodes.
const minFirstUp = 10 << 30

func checkEngineDisk(info engine.Info) Result {
	if !info.Local {
		return ok("skipped: %s is on another machine", info.Root)
	}
	return checkDisk(info.Root, minFirstUp, "run `docker system df` to see what uses it, and `docker builder prune` to delete old build steps")
}

func checkState(w *deploy.Workspace) Result {
	home, _ := os.UserHomeDir()
	if result, ok := checkShare(runtime.GOOS, home, w.Cluster.StateDir); !ok {
		return result
	}
	return checkDisk(w.Cluster.StateDir, deploy.MinFreeDisk, "free some space, or set XDG_STATE_HOME to a directory on another disk")
}

// checkShare returns false and a warning if the virtual machine of an engine may not
// share the directory, which nodes mount. Docker Desktop and colima share the home
// directory; on Linux, the engine usually needs no virtual machine.
func checkShare(system, home, dir string) (Result, bool) {
	if system == "linux" || home == "" {
		return Result{}, true
	}
	if relative, err := filepath.Rel(home, dir); err == nil && filepath.IsLocal(relative) {
		return Result{}, true
	}
	return warn("unset XDG_STATE_HOME, or share the directory: Docker Desktop, Settings, Resources, File sharing; colima start --mount DIRECTORY:w",
		"%s is outside the home directory: if the engine's virtual machine does not share it, volumes are lost with that machine", dir), false
}

func checkDisk(path string, enough uint64, fix string) Result {
	free, err := engine.FreeSpace(path)
	if err != nil {
		return failErr(err)
	}
	switch {
	case free < deploy.MinFreeDisk:
		return fail(fix, "only %s free at %s", gib(free), path)
	case free < enough:
		return warn(fix, "%s free at %s; the first up of a large stack may need %s", gib(free), path, gib(enough))
	}
	return ok("%s free at %s", gib(free), path)
}

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

func checkInotify(info *engine.Info) Result {
	if info != nil && !info.Local {
		return ok("skipped: the engine is on another machine")
	}
	limits := cluster.ReadInotify()
	if problem, fix := limits.Shortfall(); problem != "" {
		return warn(fix, "%s; nodes may fail to start", problem)
	}
	return ok("%s", limits)
}

func checkPorts(ctx context.Context, w *deploy.Workspace) []Result {
	var results []Result
	for _, s := range w.Cluster.PortStates(ctx) {
		result := ok("%d is free", s.Port.Host)
		switch {
		case s.Owned:
			result = ok("%d is in use by this environment's cluster", s.Port.Host)
		case s.Err != nil && s.UsedBy != "":
			result = fail(cluster.PortInUseHint, "%d is in use by %s", s.Port.Host, s.UsedBy)
		case s.Err != nil:
			result = fail(cluster.PortInUseHint, "%d is in use: %v", s.Port.Host, s.Err)
		}
		results = append(results, result)
	}
	return results
}
