package app

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

func (d *deployment) observeRollout(ctx context.Context) (plan.Observation, error) {
	watcher, objects, err := d.watcher(ctx)
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
	return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("all %d workloads are ready", len(workloads))}, nil
}

func (d *deployment) roll(ctx context.Context, reporter event.Reporter) error {
	watcher, objects, err := d.watcher(ctx)
	if err != nil {
		return err
	}
	if err := watcher.DeleteStuckPods(ctx, objects, reporter); err != nil {
		return err
	}
	err = watcher.Wait(ctx, objects, reporter)
	if d.running.Revision > 1 { // an install has nothing to replace
		d.replaced = time.Now()
	}
	return err
}

// deployed is what the release's records say. They are read once: while this run
// holds the locks, nobody else is to change them.
func (d *deployment) deployed(ctx context.Context) (*release.Deployed, error) {
	if d.running != nil {
		return d.running, nil
	}
	client, err := d.release()
	if err != nil {
		return nil, err
	}
	d.running, err = client.Deployed(ctx)
	return d.running, err
}

// watcher watches the workloads of the deployed revision.
func (d *deployment) watcher(ctx context.Context) (*rollout.Watcher, []health.Object, error) {
	deployed, err := d.deployed(ctx)
	if err != nil {
		return nil, nil, err
	}
	config, err := d.cluster.RESTConfig()
	if err != nil {
		return nil, nil, err
	}
	watcher, err := rollout.New(config)
	if err != nil {
		return nil, nil, err
	}
	watcher.Timeout, watcher.Kubectl, watcher.Redact = d.timeout, d.kubectl(), deployed.Redact
	return watcher, health.Workloads(deployed.Objects, d.config.Chart.Namespace), nil
}
