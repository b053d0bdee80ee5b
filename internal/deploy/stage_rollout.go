package deploy

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

func (d *Run) observeRollout(ctx context.Context) (plan.Observation, error) {
	watcher, objects, err := d.watcher(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	workloads, err := watcher.Status(ctx, objects)
	if err != nil {
		return plan.Observation{}, err
	}
	for _, w := range workloads {
		if w.State != rollout.Ready {
			return plan.Observation{State: plan.Drifted, Reason: w.Name + ": " + w.Message}, nil
		}
	}
	return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("all %d workloads are ready", len(workloads))}, nil
}

func (d *Run) roll(ctx context.Context, reporter event.Reporter) error {
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
func (d *Run) deployed(ctx context.Context) (*release.Deployed, error) {
	if d.running != nil {
		return d.running, nil
	}
	client, err := d.OpenRelease()
	if err != nil {
		return nil, err
	}
	d.running, err = client.Deployed(ctx)
	return d.running, err
}

// watcher watches the workloads of the deployed revision.
func (d *Run) watcher(ctx context.Context) (*rollout.Watcher, []rollout.Object, error) {
	deployed, err := d.deployed(ctx)
	if err != nil {
		return nil, nil, err
	}
	config, err := d.Cluster.RESTConfig()
	if err != nil {
		return nil, nil, err
	}
	watcher, err := rollout.New(config)
	if err != nil {
		return nil, nil, err
	}
	watcher.Timeout, watcher.Kubectl, watcher.Redact = d.Timeout, d.Kubectl(), deployed.Redact
	return watcher, rollout.Workloads(deployed.Objects, d.Config.Chart.Namespace), nil
}
