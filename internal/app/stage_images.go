package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func (d *deployment) observeEngine(ctx context.Context) (plan.Observation, error) {
	engine, err := d.connect(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Reason: engine.String()}, nil
}

func (d *deployment) observeImages(ctx context.Context) (plan.Observation, error) {
	builder, set, err := d.builderAndImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	status, err := builder.Observe(ctx, set)
	if err != nil {
		return plan.Observation{}, err
	}
	missing := status.Missing()
	if len(missing) == 0 {
		d.images, err = status.Resolved()
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("%d images match their inputs", len(status.Images))}, err
	}
	var causes []string
	for _, image := range missing {
		causes = append(causes, image.Name+" ("+image.Reason+")")
	}
	return plan.Observation{State: plan.Missing, Reason: strings.Join(causes, ", ")}, nil
}

func (d *deployment) makeImages(ctx context.Context, reporter event.Reporter) error {
	builder, set, err := d.builderAndImages(ctx)
	if err != nil {
		return err
	}
	e, err := d.connect(ctx)
	if err != nil {
		return err
	}
	warnOfDisk(ctx, e, reporter)
	d.images, err = builder.Ensure(ctx, set, reporter)
	return err
}

func (d *deployment) observeLoad(ctx context.Context) (plan.Observation, error) {
	nodes, wanted, err := d.nodesAndImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if d.stock, err = nodeload.TakeInventory(ctx, nodes, wanted); err != nil {
		return plan.Observation{}, err
	}
	missing := d.stock.Missing()
	if len(missing) == 0 {
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("%d images are in %s", len(wanted), each(len(nodes), "node", "nodes"))}, nil
	}
	return plan.Observation{State: plan.Missing, Reason: "not in every node: " + strings.Join(namesOf(missing), ", ")}, nil
}

func (d *deployment) load(ctx context.Context, reporter event.Reporter) error {
	e, err := d.connect(ctx)
	if err != nil {
		return err
	}
	return nodeload.NewLoader(e, nodeload.Options{}).Load(ctx, d.stock, reporter)
}

func (d *deployment) builderAndImages(ctx context.Context) (*images.Builder, images.Set, error) {
	builder, err := d.builder(ctx)
	if err != nil {
		return nil, images.Set{}, err
	}
	set, err := d.appImages()
	return builder, set, err
}

func (d *deployment) nodesAndImages(ctx context.Context) ([]nodeload.Node, []engine.Image, error) {
	wanted, err := d.resolved(ctx)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := d.nodes(ctx)
	return nodes, wanted, err
}

// resolved are the images that this run deploys: those that its build stage
// found or made, whatever is saved meanwhile. Without that stage they are those of
// the checkout as it is.
func (d *deployment) resolved(ctx context.Context) ([]engine.Image, error) {
	if d.images != nil {
		return d.images, nil
	}
	builder, set, err := d.builderAndImages(ctx)
	if err != nil {
		return nil, err
	}
	return builder.Resolve(ctx, set)
}

func (d *deployment) nodes(ctx context.Context) (nodes []nodeload.Node, err error) {
	found := d.cluster.NodesOf(d.seen)
	if d.seen.Phase != cluster.Running {
		found, err = d.cluster.Nodes(ctx)
	}
	for _, n := range found {
		nodes = append(nodes, n)
	}
	return nodes, err
}

// namesOf are the images that some node lacks, each once.
func namesOf(missing []nodeload.Missing) []string {
	var names []string
	for _, m := range missing {
		names = appendNew(names, m.Image.Name)
	}
	return names
}

// appendNew adds a name that is not there yet.
func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// each counts in words: "1 node", "2 nodes".
func each(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
