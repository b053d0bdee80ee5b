package deploy

import (
	"context"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
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
	watcher, objects, err := r.watcher(ctx, deployed)
	if err != nil {
		return plan.Observation{}, err
	}
	workloads, err := watcher.Status(ctx, objects)
	if err != nil {
		return plan.Observation{}, err
	}
	for _, w := range workloads {
		if w.State != health.Ready {
			return plan.Observation{State: plan.Drifted, Reason: w.Name + ": " + w.Message}, nil
		}
	}
	return plan.Observation{State: plan.Satisfied, Reason: text.Plural(len(workloads), "workload") + " ready"}, nil
}

func (r *Run) rollOut(ctx context.Context, reporter event.Reporter) error {
	deployed, err := r.session.Release(ctx)
	if err != nil {
		return err
	}
	watcher, objects, err := r.watcher(ctx, deployed)
	if err != nil {
		return err
	}
	watcher.Redact = r.session.redactor(ctx, deployed, reporter)
	if err := watcher.DeleteStuckPods(ctx, objects, reporter); err != nil {
		return err
	}
	err = watcher.Wait(ctx, objects, reporter)
	if deployed.Revision > 1 { // an install replaces no pods
		r.PodsReplacedAt = time.Now()
	}
	return err
}

func (r *Run) watcher(ctx context.Context, deployed *release.Deployed) (*rollout.Watcher, []health.Object, error) {
	clients, err := r.session.openClients(ctx)
	if err != nil {
		return nil, nil, err
	}
	watcher, err := rollout.New(clients.config)
	if err != nil {
		return nil, nil, err
	}
	w := r.session.Workspace
	watcher.Timeout, watcher.Kubectl, watcher.Redact = r.options.Timeout, w.kubectl(), deployed.Redact
	watcher.Thresholds = health.DefaultThresholds()
	watcher.Thresholds.Graces = health.Graces(w.Env.Rollout)
	watcher.Suspended = health.Suspended(deployed.Objects, w.Config.Chart.Namespace)
	return watcher, health.Workloads(deployed.Objects, w.Config.Chart.Namespace), nil
}
