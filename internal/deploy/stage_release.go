package deploy

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

func (d *Run) observeRelease(ctx context.Context) (plan.Observation, error) {
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
func (d *Run) apply(ctx context.Context, reporter event.Reporter) error {
	client, desired, err := d.releaseAndDesired(ctx)
	if err != nil {
		return err
	}
	if err := client.AwaitNamespace(ctx, reporter); err != nil {
		return err
	}
	if err := d.Cluster.RestoreSecrets(ctx, d.Config.Chart.Namespace); err != nil {
		return err
	}
	d.running = nil
	desired.Commit = commit(ctx, d.Config.Dir)
	if d.written, err = client.Apply(ctx, desired, reporter); err != nil {
		return err
	}
	return d.Cluster.BackupSecrets(ctx, d.Config.Chart.Namespace)
}

func (d *Run) releaseAndDesired(ctx context.Context) (*release.Client, release.Desired, error) {
	all, err := d.resolved(ctx)
	if err != nil {
		return nil, release.Desired{}, err
	}
	client, err := d.OpenRelease()
	return client, d.desired(all), err
}

// desired is the release as the configuration wants it, with the images that
// there are.
func (d *Run) desired(all []images.Image) release.Desired {
	refs := map[string]release.ImageRef{}
	for _, image := range all {
		if path := d.Config.Images[image.Name].Values; path != "" {
			refs[path] = release.ImageRef{Repository: image.Repository, Tag: image.Tag}
		}
	}
	files := append(d.Config.Paths(d.Config.Chart.Values), d.Config.Paths(d.Env.Values)...)
	return release.Desired{
		Name:        d.Config.Chart.Release,
		Namespace:   d.Config.Chart.Namespace,
		Chart:       d.Config.Path(d.Config.Chart.Path),
		ValuesFiles: append(files, d.Values...),
		Images:      refs,
		Set:         d.Set,
	}
}

// CheckChart finds what is wrong with the chart and the values before anything
// is touched. The images' tags are known only later; stand-ins do.
func (d *Run) CheckChart() error { return release.Check(d.desired(d.standIns())) }

// standIns are images as the chart takes them, before their tags are known.
func (d *Run) standIns() []images.Image {
	var stand []images.Image
	for _, name := range d.Config.ImageNames() {
		image := images.Image{Name: name, Repository: d.Config.Images[name].Repository, Tag: "000000000000"}
		if image.Repository == "" {
			image.Repository = "outside"
		}
		stand = append(stand, image)
	}
	return stand
}

// Render renders the chart with placeholder images.
func (w *Workspace) Render() (release.Rendered, error) {
	d := &Run{Workspace: w}
	return release.Render(d.desired(d.standIns()))
}
