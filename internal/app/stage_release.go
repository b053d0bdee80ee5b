package app

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

func (d *deployment) observeRelease(ctx context.Context) (plan.Observation, error) {
	client, desired, err := d.releaseAndDesired(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	seen, err := client.Observe(ctx, desired)
	if err != nil {
		return plan.Observation{}, err
	}
	state := plan.Drifted
	switch {
	case seen.Current:
		state, d.running = plan.Satisfied, seen.Deployed
	case !seen.Exists:
		state = plan.Missing
	}
	return plan.Observation{State: state, Reason: seen.Reason}, nil
}

// apply installs or upgrades. The Secrets that belong to kept volumes come
// before it, and are kept again after it.
func (d *deployment) apply(ctx context.Context, reporter event.Reporter) error {
	client, desired, err := d.releaseAndDesired(ctx)
	if err != nil {
		return err
	}
	if err := client.AwaitNamespace(ctx, reporter); err != nil {
		return err
	}
	if err := d.cluster.RestoreSecrets(ctx, d.config.Chart.Namespace); err != nil {
		return err
	}
	d.running = nil
	desired.Commit = commit(ctx, d.config.Dir)
	if d.written, err = client.Apply(ctx, desired, reporter); err != nil {
		return err
	}
	return d.cluster.BackupSecrets(ctx, d.config.Chart.Namespace)
}

func (d *deployment) releaseAndDesired(ctx context.Context) (*release.Client, chart.Desired, error) {
	all, err := d.resolved(ctx)
	if err != nil {
		return nil, chart.Desired{}, err
	}
	client, err := d.release()
	return client, d.desired(all), err
}

// desired is the release as the configuration wants it, with the images that
// there are.
func (d *deployment) desired(all []engine.Image) chart.Desired {
	refs := map[string]chart.ImageRef{}
	for _, image := range all {
		if path := d.config.Images[image.Name].Values; path != "" {
			refs[path] = chart.ImageRef{Repository: image.Repository, Tag: image.Tag}
		}
	}
	files := append(d.config.Paths(d.config.Chart.Values), d.config.Paths(d.env.Values)...)
	return chart.Desired{
		Name:        d.config.Chart.Release,
		Namespace:   d.config.Chart.Namespace,
		Chart:       d.config.Path(d.config.Chart.Path),
		ValuesFiles: append(files, d.values...),
		Images:      refs,
		Set:         d.set,
	}
}
