package deploy

import (
	"context"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// rollbackImages are the images of the target revision and the smoke test. A
// rollback does not build the app: its images must be on the nodes, in the engine
// or in a registry.
type rollbackImages struct {
	nodes        []nodeload.Node
	local        []engine.Image // in the engine
	remote       []string       // references of the others
	probeMissing string         // why the smoke test's image is not in the engine; "" if it is
}

func (b rollback) observeLoad(ctx context.Context) (plan.Observation, error) {
	needed, err := b.images(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	inventory, err := nodeload.TakeInventory(ctx, needed.nodes, needed.local, needed.remote...)
	if err != nil {
		return plan.Observation{}, err
	}
	missing := append(imageNames(inventory.Missing()), inventory.Unresolved()...)
	if len(missing) == 0 && needed.probeMissing == "" {
		return plan.Observation{State: plan.Satisfied, Reason: onNodes(len(needed.local)+len(needed.remote), len(needed.nodes))}, nil
	}
	var reasons []string
	if len(missing) > 0 {
		reasons = append(reasons, missingOnNodes(missing))
	}
	if needed.probeMissing != "" {
		reasons = append(reasons, probeRepository+" ("+needed.probeMissing+")")
	}
	return plan.Observation{State: plan.Missing, Reason: strings.Join(reasons, "; ")}, nil
}

func (b rollback) load(ctx context.Context, reporter event.Reporter) error {
	needed, err := b.images(ctx)
	if err != nil {
		return err
	}
	if needed.probeMissing != "" {
		created, err := b.session.ensureProbe(ctx, reporter)
		if err != nil {
			return err
		}
		needed.local = append(needed.local, created...)
	}
	inventory, err := nodeload.TakeInventory(ctx, needed.nodes, needed.local, needed.remote...)
	if err != nil {
		return err
	}
	for _, ref := range inventory.Unresolved() {
		reporter.Report(event.Warn("image " + ref + " is neither on every node nor in the engine: its pods start only if the nodes can pull it"))
	}
	return b.session.load(ctx, inventory, reporter)
}

func (b rollback) images(ctx context.Context) (needed rollbackImages, err error) {
	if needed.nodes, err = b.session.imageNodes(ctx); err != nil {
		return needed, err
	}
	client, err := b.session.OpenRelease(ctx)
	if err != nil {
		return needed, err
	}
	found, err := client.ResolveRollback(ctx, b.revision)
	if err != nil {
		return needed, err
	}
	status, err := b.session.engineImages(ctx, found.To.Images)
	if err != nil {
		return needed, err
	}
	for _, image := range status.Images {
		if image.Present {
			needed.local = append(needed.local, image.Image)
		} else {
			needed.remote = append(needed.remote, image.Name)
		}
	}
	if !b.run.options.Verify {
		return needed, nil
	}
	return needed, needed.addProbe(ctx, b.session)
}

// addProbe adds the smoke test's image, which does not belong to the target
// revision.
func (n *rollbackImages) addProbe(ctx context.Context, s *Session) error {
	status, err := s.probeStatus(ctx)
	if err != nil {
		return err
	}
	if missing := status.Missing(); len(missing) > 0 {
		n.probeMissing = missing[0].Reason
		return nil
	}
	found, err := status.Resolved()
	n.local = append(n.local, found...)
	return err
}
