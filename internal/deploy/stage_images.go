package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func (d *Run) observeEngine(ctx context.Context) (plan.Observation, error) {
	engine, err := d.Connect(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Reason: engine.String()}, nil
}

func (d *Run) observeImages(ctx context.Context) (plan.Observation, error) {
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
		d.images, err = status.Resolved()
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("%d images match their inputs", len(status.Images))}, err
	}
	var causes []string
	for _, image := range missing {
		causes = append(causes, image.Name+" ("+image.Reason+")")
	}
	return plan.Observation{State: plan.Missing, Reason: strings.Join(causes, ", ")}, nil
}

func (d *Run) makeImages(ctx context.Context, reporter event.Reporter) error {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return err
	}
	warnOfDisk(ctx, engine, reporter)
	d.images, err = engine.Ensure(ctx, set, reporter)
	return err
}

// MinFreeDisk is the free space below which a build or a node is sure to fail
// soon.
const MinFreeDisk = 1 << 30

// warnOfDisk tells of an engine's disk that is nearly full before work on it
// begins. It is no failure: what is to be done may still fit.
func warnOfDisk(ctx context.Context, engine *images.Engine, reporter event.Reporter) {
	facts, err := engine.Info(ctx)
	if err != nil || !facts.Local {
		return // the work itself will tell
	}
	if free, err := images.FreeSpace(facts.Root); err == nil && free < MinFreeDisk {
		reporter.Report(event.Warn(fmt.Sprintf("the engine's disk (%s) has only %.1f GiB left: `docker system df` shows what uses it", facts.Root, float64(free)/(1<<30))))
	}
}

func (d *Run) observeLoad(ctx context.Context) (plan.Observation, error) {
	nodes, wanted, err := d.nodesAndImages(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if d.stock, err = images.TakeInventory(ctx, nodes, wanted); err != nil {
		return plan.Observation{}, err
	}
	missing := d.stock.Missing()
	if len(missing) == 0 {
		return plan.Observation{State: plan.Satisfied, Reason: fmt.Sprintf("%d images are in %s", len(wanted), each(len(nodes), "node", "nodes"))}, nil
	}
	return plan.Observation{State: plan.Missing, Reason: "not in every node: " + strings.Join(namesOf(missing), ", ")}, nil
}

func (d *Run) load(ctx context.Context, reporter event.Reporter) error {
	engine, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	return engine.Load(ctx, d.stock, reporter)
}

func (d *Run) engineAndImages(ctx context.Context) (*images.Engine, images.Set, error) {
	engine, err := d.Connect(ctx)
	if err != nil {
		return nil, images.Set{}, err
	}
	set, err := d.AppImages()
	return engine, set, err
}

func (d *Run) nodesAndImages(ctx context.Context) ([]images.Node, []images.Image, error) {
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
func (d *Run) resolved(ctx context.Context) ([]images.Image, error) {
	if d.images != nil {
		return d.images, nil
	}
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Resolve(ctx, set)
}

func (d *Run) nodes(ctx context.Context) (nodes []images.Node, err error) {
	found := d.Cluster.NodesOf(d.seen)
	if d.seen.Phase != cluster.Running {
		found, err = d.Cluster.Nodes(ctx)
	}
	for _, n := range found {
		nodes = append(nodes, n)
	}
	return nodes, err
}

// namesOf are the images that some node lacks, each once.
func namesOf(missing []images.Missing) []string {
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
