// Package doctor checks this machine and an environment for problems that make a
// run fail. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Timeout is the time that a check gets. Most checks end in milliseconds; a
// registry that does not respond takes all of it.
const Timeout = 8 * time.Second

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Result is what one check found.
type Result struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // if the status is not OK
}

// Report is the results of all checks. `tkdeploy doctor --output json` prints it;
// docs/events.md documents it.
type Report struct {
	Environment string   `json:"environment"`
	Failed      int      `json:"failed"`
	Warnings    int      `json:"warnings"`
	Checks      []Result `json:"checks"`
}

// Err returns an error of class Environment if a check failed. Warnings do not
// count.
func (r *Report) Err() error {
	if r.Failed == 0 {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("%d of %s failed", r.Failed, text.Plural(len(r.Checks), "check")), "")
}

func (r *Report) add(results ...Result) {
	for _, result := range results {
		switch result.Status {
		case Fail:
			r.Failed++
		case Warn:
			r.Warnings++
		}
		r.Checks = append(r.Checks, result)
	}
}

// Run checks the session's environment in parallel and reports the results in a
// fixed order. Each check gets timeout. Without an engine, Run skips the checks
// that need one.
func Run(ctx context.Context, s *deploy.Session, timeout time.Duration) *Report {
	w := s.Workspace
	info, engine := checkEngine(ctx, s, timeout)
	report := &Report{Environment: w.EnvName}
	report.add(engine)
	checks := []check{
		{"docker command", one(checkDockerCLI)},
		{"state", one(func(context.Context) Result { return checkState(w) })},
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
