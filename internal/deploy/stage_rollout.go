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
	err = watcher.Wait(ctx, selected.Objects, reporter)
	for i := 0; err == nil && i < len(selected.Scheduled); i++ {
		reporter.Report(event.Finished(selected.Scheduled[i], event.Blocked, "not judged: runs on a schedule", 0, 0))
	}
	if deployed.Revision > 1 { // an install replaces no pods
		r.PodsReplacedAt = time.Now()
	}
	return err
}

func (r *Run) watcher(ctx context.Context, deployed *release.Deployed) (*rollout.Watcher, selection.Selection, error) {
	clients, err := r.session.openClients(ctx)
	if err != nil {
		return nil, selection.Selection{}, err
	}
	watcher, err := rollout.New(clients.config)
	if err != nil {
		return nil, selection.Selection{}, err
	}
	w := r.session.Workspace
	watcher.Timeout, watcher.Kubectl, watcher.Redact = r.options.Timeout, w.kubectl(), deployed.Redact
	watcher.Thresholds = health.DefaultThresholds()
	watcher.Thresholds.Graces = health.Graces(w.Env.Rollout)
	selected := selection.Of(deployed.Objects, w.Config.Chart.Namespace)
	watcher.Suspended = selected.Suspended
	return watcher, selected, nil
}
