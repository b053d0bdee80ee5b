package deploy

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health/selection"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

func (r *Run) observeRelease(ctx context.Context) (plan.Observation, error) {
	all, err := r.session.Images(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	observed, err := r.session.observeRelease(ctx, r.desired(all))
	if err != nil {
		return plan.Observation{}, err
	}
	state := plan.Drifted
	switch {
	case observed.Current:
		state = plan.Satisfied
	case !observed.Exists:
		state = plan.Missing
	}
	return plan.Observation{State: state, Reason: observed.Reason}, nil
}

func (r *Run) applyRelease(ctx context.Context, reporter event.Reporter) error {
	all, err := r.session.Images(ctx)
	if err != nil {
		return err
	}
	desired := r.desired(all)
	desired.Commit = commit(ctx, r.session.Workspace.Config.Dir)
	r.WrittenRevision, err = r.session.applyRelease(ctx, desired, r.hookOptions(ctx, reporter), reporter)
	return err
}

// hookOptions are those of a release client that may run hooks: the hooks are watched
// like workloads.
func (r *Run) hookOptions(ctx context.Context, reporter event.Reporter) release.Options {
	return release.Options{HookTimeout: r.options.Timeout, WatchHook: r.session.watchHook, Secrets: r.session.secretsToMask(ctx, reporter)}
}

func (s *Session) watchHook(ctx context.Context, hook []unstructured.Unstructured, timeout time.Duration, redact func(string) string, reporter event.Reporter) error {
	clients, err := s.openClients(ctx)
	if err != nil {
		return err
	}
	watcher, err := rollout.New(clients.config)
	if err != nil {
		return err
	}
	watcher.Timeout, watcher.Kubectl, watcher.Redact = timeout, s.Workspace.kubectl(), redact
	return watcher.Wait(ctx, selection.Of(hook, s.Workspace.Config.Chart.Namespace).Objects, reporter)
}

// commitTimeout bounds `git describe`, which checks every tracked file.
const commitTimeout = 5 * time.Second

// commit returns the abbreviated commit of the checkout in dir, with "-dirty"
// appended if tracked files have changed, or "" without git or a repository.
func commit(ctx context.Context, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	git := exec.CommandContext(ctx, "git", "-C", dir, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")
	git.Env = append(slices.DeleteFunc(os.Environ(), namesRepository), "GIT_OPTIONAL_LOCKS=0") // do not write to the repository
	git.WaitDelay = time.Second                                                                // a daemon that git starts may keep the pipe open
	out, err := git.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// repositoryVariables take precedence over the directory. Git sets them for hooks.
// See `git rev-parse --local-env-vars`.
var repositoryVariables = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
	"GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

func namesRepository(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains(repositoryVariables, name)
}
