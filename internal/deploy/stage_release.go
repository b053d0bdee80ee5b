package deploy

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/git"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
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
		state, err = plan.Satisfied, r.updateCopies(ctx)
	case !observed.Exists:
		state = plan.Missing
	}
	return plan.Observation{State: state, Reason: observed.Reason}, err
}

// updateCopies copies the Secrets of a release that is up to date: an earlier run may
// have been interrupted before that, and others may have changed them.
func (r *Run) updateCopies(ctx context.Context) error {
	if r.options.DryRun {
		return nil
	}
	return r.session.mirrorSecrets(ctx)
}

func (r *Run) applyRelease(ctx context.Context, reporter event.Reporter) error {
	all, err := r.session.Images(ctx)
	if err != nil {
		return err
	}
	desired := r.desired(all)
	desired.Commit = git.Commit(ctx, r.session.Workspace.Config.Dir)
	r.WrittenRevision, err = r.session.applyRelease(ctx, desired, r.hookOptions(ctx, reporter), reporter)
	return err
}

// hookOptions are those of a release client that may run hooks: the hooks are watched
// like workloads.
func (r *Run) hookOptions(ctx context.Context, reporter event.Reporter) release.Options {
	return release.Options{HookTimeout: r.options.Timeout, WatchHook: r.session.watchHook, Secrets: r.session.secretsToMask(ctx, reporter)}
}
