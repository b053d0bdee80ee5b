// Package doctor checks this machine and an environment for problems that make a
// run fail. Only [Fix] changes something.
package doctor

import (
	"context"
	"time"

	"tkdeploy.dev/tkdeploy/internal/deploy"
)

// Timeout is the usual time limit of a check. Most take milliseconds; an
// unresponsive registry takes all of it.
const Timeout = 8 * time.Second

// Run runs all checks, each within timeout, and reports the results in a fixed
// order. Without an engine, it skips the checks that need one.
func Run(ctx context.Context, s *deploy.Session, timeout time.Duration) *Report {
	w := s.Workspace
	info, engine := checkEngine(ctx, s, timeout)
	report := &Report{Environment: w.EnvName}
	report.add(engine)
	checks := []check{
		{"docker command", one(checkDockerCLI)},
		{"state", one(func(context.Context) Result { return checkState(w) })},
		{"build contexts", func(ctx context.Context) []Result { return checkContexts(ctx, w) }},
		{"inotify", one(func(context.Context) Result { return checkInotify(info) })},
	}
	if info != nil {
		checks = append(checks,
			check{"engine disk", one(func(context.Context) Result { return checkEngineDisk(*info) })},
			check{"cgroup", one(func(context.Context) Result { return checkCgroup(*info) })},
			check{"clock", one(func(context.Context) Result { return checkClock(*info) })},
			check{"resources", one(func(context.Context) Result { return checkResources(w, *info) })},
			check{"cluster", one(func(ctx context.Context) Result { return checkCluster(ctx, s) })})
	}
	checks = append(checks, check{"port", func(ctx context.Context) []Result { return checkPorts(ctx, w) }})
	if info != nil {
		checks = append(checks, check{"images", func(ctx context.Context) []Result { return checkRegistries(ctx, s) }})
	}
	checks = append(checks, check{"versions", one(func(context.Context) Result { return ok("%s", ReadVersions(w)) })})
	report.add(runChecks(ctx, timeout, checks)...)
	return report
}
