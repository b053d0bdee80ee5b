package deploy

import (
	"context"
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// MinFreeDisk is the free space in bytes below which a build or a node is likely to
// fail.
const MinFreeDisk = 1 << 30

func (r *Run) observeEngine(ctx context.Context) (plan.Observation, error) {
	engine, err := r.session.Engine(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Reason: engine.String()}, nil
}

func (r *Run) observeBuild(ctx context.Context) (plan.Observation, error) {
	status, err := r.session.observeImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	missing := status.Missing()
	if len(missing) == 0 {
		return plan.Observation{State: plan.Satisfied, Reason: text.Plural(len(status.Images), "image") + " up to date"}, nil
	}
	var reasons []string
	for _, image := range missing {
		reasons = append(reasons, image.Name+" ("+image.Reason+")")
	}
	return plan.Observation{State: plan.Missing, Reason: strings.Join(reasons, ", ")}, nil
}

func (r *Run) build(ctx context.Context, reporter event.Reporter) error {
	engine, err := r.session.Engine(ctx)
	if err != nil {
		return err
	}
	warnOfDisk(ctx, engine, reporter)
	return r.session.ensureImages(ctx, reporter)
}

// warnOfDisk only warns, because the images may still fit.
func warnOfDisk(ctx context.Context, e *engine.Engine, reporter event.Reporter) {
	info, err := e.Info(ctx)
	if err != nil || !info.Local {
		return // the build reports an engine that fails
	}
	if free, err := engine.FreeSpace(info.Root); err == nil && free < MinFreeDisk {
		reporter.Report(event.Warn(fmt.Sprintf("only %.1f GiB free on the engine's disk (%s): run `docker system df` to see what uses it", float64(free)/(1<<30), info.Root)))
	}
}

func (r *Run) observeLoad(ctx context.Context) (plan.Observation, error) {
	inventory, err := r.session.Inventory(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if missing := inventory.Missing(); len(missing) > 0 {
		return plan.Observation{State: plan.Missing, Reason: missingOnNodes(imageNames(missing))}, nil
	}
	all, err := r.session.Images(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	nodes, err := r.session.Nodes(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Reason: onNodes(len(all), len(nodes))}, nil
}

func onNodes(images, nodes int) string {
	return text.Plural(images, "image") + " on " + text.Plural(nodes, "node")
}

func missingOnNodes(names []string) string {
	return "not on every node: " + strings.Join(names, ", ")
}

func imageNames(missing []nodeload.Missing) []string {
	var names []string
	for _, m := range missing {
		names = text.AppendUnique(names, m.Image.Name)
	}
	return names
}
