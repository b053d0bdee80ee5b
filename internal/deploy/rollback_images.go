package deploy

import (
	"context"
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// oldImages are those that the revision to go back to runs from, and the smoke
// test's. Nothing is built: an old image is in the nodes still, in the engine,
// or a registry must have it.
type oldImages struct {
	engine  *images.Engine
	nodes   []images.Node
	local   []images.Image // the engine has them
	outside []string       // references that it has not
	probe   images.Set
	noProbe string // why the smoke test's image is not among local, or ""
}

func (d *Run) observeOldImages(ctx context.Context) (plan.Observation, error) {
	old, err := d.oldImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	stock, err := images.TakeInventory(ctx, old.nodes, old.local, old.outside...)
	if err != nil {
		return plan.Observation{}, err
	}
	missing, nameless := namesOf(stock.Missing()), stock.Unresolved()
	if len(missing)+len(nameless) == 0 && old.noProbe == "" {
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("%s in %s",
			each(len(old.local)+len(old.outside), "image is", "images are"), each(len(old.nodes), "node", "nodes"))}, nil
	}
	var causes []string
	if len(missing)+len(nameless) > 0 {
		causes = append(causes, "not in every node: "+strings.Join(append(missing, nameless...), ", "))
	}
	if old.noProbe != "" {
		causes = append(causes, probeRepository+" ("+old.noProbe+")")
	}
	return plan.Observation{State: plan.Missing, Reason: strings.Join(causes, "; ")}, nil
}

func (d *Run) loadOldImages(ctx context.Context, reporter event.Reporter) error {
	old, err := d.oldImages(ctx)
	if err != nil {
		return err
	}
	if old.noProbe != "" {
		made, err := old.engine.Ensure(ctx, old.probe, reporter)
		if err != nil {
			return err
		}
		old.local = append(old.local, made...)
	}
	stock, err := images.TakeInventory(ctx, old.nodes, old.local, old.outside...)
	if err != nil {
		return err
	}
	for _, ref := range stock.Unresolved() {
		reporter.Report(event.Warn("image " + ref + " is neither in every node nor in the engine: its pods come up only if the nodes can pull it"))
	}
	return old.engine.Load(ctx, stock, reporter)
}

func (d *Run) oldImages(ctx context.Context) (old oldImages, err error) {
	if old.engine, err = d.Connect(ctx); err != nil {
		return old, err
	}
	if old.nodes, err = d.nodes(ctx); err != nil {
		return old, err
	}
	client, err := d.OpenRelease()
	if err != nil {
		return old, err
	}
	way, err := client.ResolveRollback(ctx, d.Revision)
	if err != nil {
		return old, err
	}
	if err := old.sort(ctx, way.To.Images); err != nil || !d.Verify {
		return old, err
	}
	if old.probe, err = d.probeImages(); err != nil {
		return old, err
	}
	return old, old.addProbe(ctx)
}

// sort tells the images that the engine has from the others.
func (old *oldImages) sort(ctx context.Context, refs []string) error {
	var all images.Set
	for _, ref := range refs {
		all.Sources = append(all.Sources, images.Source{Name: ref, Ref: ref})
	}
	status, err := old.engine.Observe(ctx, all)
	if err != nil {
		return err
	}
	for _, seen := range status.Images {
		if seen.Present {
			old.local = append(old.local, seen.Image)
		} else {
			old.outside = append(old.outside, seen.Name)
		}
	}
	return nil
}

// addProbe adds the smoke test's image, which is the running tkdeploy's, not
// one of the old revision.
func (old *oldImages) addProbe(ctx context.Context) error {
	status, err := old.engine.Observe(ctx, old.probe)
	if err != nil {
		return err
	}
	if missing := status.Missing(); len(missing) > 0 {
		old.noProbe = missing[0].Reason
		return nil
	}
	found, err := status.Resolved()
	old.local = append(old.local, found...)
	return err
}
