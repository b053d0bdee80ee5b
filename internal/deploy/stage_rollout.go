package deploy

import (
	"context"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/health/selection"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
	"tkdeploy.dev/tkdeploy/internal/text"
)

func (r *Run) observeRollout(ctx context.Context) (plan.Observation, error) {
	deployed, err := r.session.Release(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	watcher, selected, err := r.watcher(ctx, deployed)
	if err != nil {
		return plan.Observation{}, err
	}
	workloads, err := watcher.Status(ctx, selected.Objects)
	if err != nil {
		return plan.Observation{}, err
	}
	unjudged := slices.Clone(selected.Scheduled)
	for _, w := range workloads {
		if w.State != health.Ready {
			return plan.Observation{State: plan.Drifted, Reason: w.Name + ": " + w.Message}, nil
		}
		if w.Unjudged {
			unjudged = append(unjudged, w.String())
		}
	}
	reason := text.Plural(len(workloads)+len(selected.Scheduled)-len(unjudged), "workload") + " ready"
	if len(unjudged) > 0 {
		reason += "; not judged: " + text.Abbreviate(unjudged, 5)
	}
	return plan.Observation{State: plan.Satisfied, Reason: reason}, nil
}

func (r *Run) rollOut(ctx context.Context, reporter event.Reporter) error {
	deployed, err := r.session.Release(ctx)
	if err != nil {
		return err
	}
	watcher, selected, err := r.watcher(ctx, deployed)
	if err != nil {
		return err
	}
	watcher.Redact = r.session.redactor(ctx, deployed, reporter)
	watcher.DeleteStuckPods = true
	if err := watcher.Wait(ctx, selected.Objects, reporter); err != nil {
		return err
	}
	for _, name := range selected.Scheduled {
		reporter.Report(event.Finished(name, event.Blocked, "not judged: runs on a schedule", 0, 0))
	}
	if deployed.Revision > 1 { // an install replaces no pods
		r.PodsReplacedAt = time.Now()
	}
	return nil
}

func (r *Run) watcher(ctx context.Context, deployed *release.Deployed) (*rollout.Watcher, selection.Selection, error) {
	watcher, err := r.session.newWatcher(ctx, r.options.Timeout, deployed.Redact)
	if err != nil {
		return nil, selection.Selection{}, err
	}
	selected := selection.Of(deployed.Objects, r.session.Workspace.Config.Chart.Namespace)
	watcher.Suspended = selected.Suspended
	return watcher, selected, nil
}

// newWatcher returns a watcher with the graces of the environment.
func (s *Session) newWatcher(ctx context.Context, timeout time.Duration, redact func(string) string) (*rollout.Watcher, error) {
	clients, err := s.openClients(ctx)
	if err != nil {
		return nil, err
	}
	watcher, err := rollout.New(clients.config)
	if err != nil {
		return nil, err
	}
	watcher.Timeout, watcher.Kubectl, watcher.Redact = timeout, s.Workspace.kubectl(), redact
	watcher.Thresholds = health.DefaultThresholds()
	watcher.Thresholds.Graces = health.Graces(s.Workspace.Env.Rollout)
	return watcher, nil
}

// watchHook is a [release.HookWatcher].
func (s *Session) watchHook(ctx context.Context, hook release.RunningHook, timeout time.Duration, redact func(string) string, reporter event.Reporter) error {
	watcher, err := s.newWatcher(ctx, timeout, redact)
	if err != nil {
		return err
	}
	namespace := s.Workspace.Config.Chart.Namespace
	around := selection.Of(hook.Release, namespace)
	watcher.Others, watcher.Suspended = around.Objects, around.Suspended
	return watcher.Wait(ctx, selection.Of(hook.Jobs, namespace).Objects, reporter)
}
