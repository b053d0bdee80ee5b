package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// The stages of up, in the order in which they are shown.
const (
	stageEngine  = "engine"
	stageBuild   = "build"
	stageCluster = "cluster"
	stageLoad    = "load"
	stageRelease = "release"
	stageRollout = "rollout"
	stageVerify  = "verify"
)

// deployment is one run of up: a workspace and what the flags ask for.
type deployment struct {
	*workspace
	values  []string // further values files
	set     []string
	timeout time.Duration // of rollout and of verify
	verify  bool
}

// stages is the composition root: the only place that knows the order, and what
// each stage is made of. Building does not wait for the cluster.
func (d *deployment) stages() (plan.Plan, error) {
	stages := []plan.Stage{
		{ID: stageEngine, Title: "Engine", Observe: d.observeEngine},
		{ID: stageBuild, Title: "Images", Needs: []string{stageEngine}, Observe: d.observeImages, Act: d.makeImages},
		{ID: stageCluster, Title: "Cluster", Needs: []string{stageEngine}, Observe: d.observeCluster, Act: d.makeCluster},
		{ID: stageLoad, Title: "Load", Needs: []string{stageBuild, stageCluster}, Observe: d.observeLoad, Act: d.load},
		{ID: stageRelease, Title: "Release", Needs: []string{stageLoad}, Observe: d.observeRelease, Act: d.apply},
		{ID: stageRollout, Title: "Rollout", Needs: []string{stageRelease}, Observe: d.observeRollout, Act: d.roll},
	}
	if d.verify {
		stages = append(stages, plan.Stage{
			ID: stageVerify, Title: "Smoke test", Needs: []string{stageRollout},
			Observe: func(context.Context) (plan.Observation, error) {
				return plan.Observation{State: plan.Unknown, Cause: "asked anew in every run"}, nil
			},
			Act: d.smokeTest,
		})
	}
	return plan.New(stages...)
}

func (d *deployment) observeEngine(ctx context.Context) (plan.Observation, error) {
	engine, err := d.connect(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Cause: engine.String()}, nil
}

func (d *deployment) observeImages(ctx context.Context) (plan.Observation, error) {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	status, err := engine.Observe(ctx, set)
	if err != nil {
		return plan.Observation{}, err
	}
	missing := status.Missing()
	if len(missing) == 0 {
		return plan.Observation{State: plan.Satisfied, Cause: fmt.Sprintf("%d images match their inputs", len(status.Images))}, nil
	}
	var causes []string
	for _, image := range missing {
		causes = append(causes, image.Name+" ("+image.Cause+")")
	}
	return plan.Observation{State: plan.Missing, Cause: strings.Join(causes, ", ")}, nil
}

func (d *deployment) makeImages(ctx context.Context, reporter event.Reporter) error {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return err
	}
	return engine.Ensure(ctx, set, reporter)
}

func (d *deployment) observeCluster(ctx context.Context) (plan.Observation, error) {
	if _, err := d.connect(ctx); err != nil {
		return plan.Observation{}, err
	}
	status, err := d.cluster.Observe(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	states := map[cluster.Phase]plan.State{cluster.Running: plan.Satisfied, cluster.Absent: plan.Missing}
	state, ok := states[status.Phase]
	if !ok {
		state = plan.Drifted
	}
	return plan.Observation{State: state, Cause: status.Cause}, nil
}

func (d *deployment) makeCluster(ctx context.Context, reporter event.Reporter) error {
	engine, err := d.connect(ctx)
	if err != nil {
		return err
	}
	for _, warning := range cluster.Warnings() {
		reporter.Report(event.Warn(warning))
	}
	if err := engine.Ensure(ctx, d.nodeImage(), reporter); err != nil {
		return err
	}
	return d.cluster.Ensure(ctx, reporter)
}

func (d *deployment) observeLoad(ctx context.Context) (plan.Observation, error) {
	engine, nodes, wanted, err := d.nodesAndImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	missing, err := engine.Loaded(ctx, nodes, wanted)
	if err != nil {
		return plan.Observation{}, err
	}
	if len(missing) == 0 {
		return plan.Observation{State: plan.Satisfied, Cause: fmt.Sprintf("%d images are in %s", len(wanted), each(len(nodes), "node", "nodes"))}, nil
	}
	var names []string
	for _, m := range missing {
		if !slices.Contains(names, m.Image.Name) {
			names = append(names, m.Image.Name)
		}
	}
	return plan.Observation{State: plan.Missing, Cause: "not in every node: " + strings.Join(names, ", ")}, nil
}

func (d *deployment) load(ctx context.Context, reporter event.Reporter) error {
	engine, nodes, wanted, err := d.nodesAndImages(ctx)
	if err != nil {
		return err
	}
	return engine.Load(ctx, nodes, wanted, reporter)
}

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
		state = plan.Satisfied
	case !seen.Exists:
		state = plan.Missing
	}
	return plan.Observation{State: state, Cause: seen.Cause}, nil
}

// apply installs or upgrades. The Secrets that belong to kept volumes come
// before it, and are kept again after it.
func (d *deployment) apply(ctx context.Context, reporter event.Reporter) error {
	client, desired, err := d.releaseAndDesired(ctx)
	if err != nil {
		return err
	}
	if err := d.cluster.RestoreSecrets(ctx, d.config.Chart.Namespace); err != nil {
		return err
	}
	if _, err := client.Apply(ctx, desired, reporter); err != nil {
		return err
	}
	return d.cluster.KeepSecrets(ctx, d.config.Chart.Namespace)
}

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
		if w.State != rollout.Ready {
			return plan.Observation{State: plan.Drifted, Cause: w.Name + ": " + w.Message}, nil
		}
	}
	return plan.Observation{State: plan.Satisfied, Cause: fmt.Sprintf("all %d workloads are ready", len(workloads))}, nil
}

func (d *deployment) roll(ctx context.Context, reporter event.Reporter) error {
	watcher, objects, err := d.watcher(ctx)
	if err != nil {
		return err
	}
	if err := watcher.Unstick(ctx, objects, reporter); err != nil {
		return err
	}
	return watcher.Wait(ctx, objects, reporter)
}

// watcher watches the workloads of the deployed revision.
func (d *deployment) watcher(ctx context.Context) (*rollout.Watcher, []rollout.Object, error) {
	client, err := d.release()
	if err != nil {
		return nil, nil, err
	}
	objects, err := client.Objects(ctx)
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
	watcher.Timeout, watcher.Kubectl = d.timeout, d.kubectl()
	if watcher.Redact, err = client.Redactor(ctx); err != nil {
		return nil, nil, err
	}
	return watcher, rollout.Workloads(objects, d.config.Chart.Namespace), nil
}

func (d *deployment) releaseAndDesired(ctx context.Context) (*release.Client, release.Desired, error) {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return nil, release.Desired{}, err
	}
	all, err := engine.Resolve(ctx, set)
	if err != nil {
		return nil, release.Desired{}, err
	}
	client, err := d.release()
	return client, d.desired(all), err
}

// desired is the release as the configuration wants it, with the images that
// there are.
func (d *deployment) desired(all []images.Image) release.Desired {
	refs := map[string]release.ImageRef{}
	for _, image := range all {
		if path := d.config.Images[image.Name].Values; path != "" {
			refs[path] = release.ImageRef{Repository: image.Repository, Tag: image.Tag}
		}
	}
	files := append(d.config.Paths(d.config.Chart.Values), d.config.Paths(d.env.Values)...)
	return release.Desired{
		Name:        d.config.Chart.Release,
		Namespace:   d.config.Chart.Namespace,
		Chart:       d.config.Path(d.config.Chart.Path),
		ValuesFiles: append(files, d.values...),
		Images:      refs,
		Set:         d.set,
	}
}

func (d *deployment) engineAndImages(ctx context.Context) (*images.Engine, images.Set, error) {
	engine, err := d.connect(ctx)
	if err != nil {
		return nil, images.Set{}, err
	}
	set, err := d.appImages()
	return engine, set, err
}

func (d *deployment) nodesAndImages(ctx context.Context) (*images.Engine, []images.Node, []images.Image, error) {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	wanted, err := engine.Resolve(ctx, set)
	if err != nil {
		return nil, nil, nil, err
	}
	found, err := d.cluster.Nodes(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var nodes []images.Node
	for _, n := range found {
		nodes = append(nodes, n)
	}
	return engine, nodes, wanted, nil
}

// each counts in words: "1 node", "2 nodes".
func each(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
