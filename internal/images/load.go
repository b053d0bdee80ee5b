package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Missing is an image that a node has not.
type Missing struct {
	Node  string
	Image Image
}

func (m Missing) String() string { return m.Image.Ref + " on node " + m.Node }

// Stock is what nodes have of images, as they said when they were asked.
type Inventory struct {
	images []Image
	others []string
	nodes  []Node
	have   []inventory // of the node at the same place
}

// Look asks each node once what it has of the images, and of others that the engine
// need not have, by their references. Errors have the class [fault.Load].
func TakeInventory(ctx context.Context, nodes []Node, images []Image, others ...string) (Inventory, error) {
	s := Inventory{images: images, others: others, nodes: nodes, have: make([]inventory, len(nodes))}
	work, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		work.Go(func() (err error) {
			s.have[i], err = takeInventory(ctx, n, images, others)
			return err
		})
	}
	return s, fault.New(fault.Load, work.Wait(), "")
}

// Missing tells which of the images are missing on which node. An image counts as
// there only if it is the engine's very image, whatever its name.
func (s Inventory) Missing() []Missing {
	var missing []Missing
	for i, n := range s.nodes {
		for _, image := range lacking(s.have[i].records, s.images) {
			missing = append(missing, Missing{Node: n.Name(), Image: image})
		}
	}
	return missing
}

// Nameless tells which of the others some node has no image for, whatever image it
// is.
func (s Inventory) Unresolved() []string {
	var nameless []string
	for _, ref := range s.others {
		if slices.ContainsFunc(s.have, func(have inventory) bool { return have.records[fullRef(ref)].target == "" }) {
			nameless = append(nameless, ref)
		}
	}
	return nameless
}

func lacking(records map[string]record, images []Image) []Image {
	var missing []Image
	for _, i := range images {
		if !records[i.Ref].is(i) {
			missing = append(missing, i)
		}
	}
	return missing
}

// Load gives every node the images of the stock that it lacks, and of those only
// the layers that it lacks, all nodes at once. What shares no layer goes in
// batches, of which a node takes two at a time while the engine saves the next. If
// a node does not take parts of images, or not the layers of the engine's store, it
// gets them whole, and a warning says so. Afterwards the node is asked again. The
// first failure ends the load; errors have the class [fault.Load] and name node and
// image. An image for another architecture is an error before anything is sent.
func (e *Engine) Load(ctx context.Context, stock Inventory, reporter event.Reporter) error {
	reporter = event.Synchronized(reporter)
	transfers, err := plan(stock)
	if err != nil {
		return fault.New(fault.Load, err, "")
	}
	l := loading{engine: e, meters: newMeters(stock.images, reporter), reporter: reporter}
	if len(transfers) > 0 {
		l.store = e.layerStore(ctx)
	}
	err = l.all(ctx, batches(transfers))
	l.meters.finishRest(transfers)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Load, err, "")
}

// A loading is one call of Load.
type loading struct {
	engine   *Engine
	store    *layerStore // nil if the engine has to save the images
	meters   meters
	reporter event.Reporter
}

// A delivery is a batch with what its nodes get, or why that could not be had.
type delivery struct {
	batch batch
	saved *saved
	err   error
	start time.Time
}

// atOnce is how many batches a node takes at a time. The import of one first
// writes its layers and then unpacks them, each on one core.
const atOnce = 2

// all saves the batches, and meanwhile sends those that are saved.
func (l loading) all(ctx context.Context, batches []batch) error {
	work, ctx := errgroup.WithContext(ctx)
	ready := make(chan delivery)
	work.Go(func() error {
		defer close(ready)
		for _, b := range batches {
			d := delivery{batch: b, start: time.Now()}
			d.saved, d.err = l.save(ctx, b)
			select {
			case ready <- d:
			case <-ctx.Done():
				d.saved.close()
				return ctx.Err()
			}
		}
		return nil
	})
	for range atOnce {
		work.Go(func() error {
			for d := range ready {
				if err := l.deliver(ctx, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// save finds the batch's images in the engine's store, or has the engine write
// them out.
func (l loading) save(ctx context.Context, b batch) (*saved, error) {
	if l.store != nil {
		s, err := l.store.saved(imagesOf(b))
		if err == nil {
			return s, nil
		}
		l.reporter.Report(event.Warn(fmt.Sprintf("the engine has to save images, which takes longer, since its store cannot be read: %v", err)))
	}
	return l.engine.save(ctx, b)
}

// deliver sends a batch to its nodes and tells how that ended.
func (l loading) deliver(ctx context.Context, d delivery) error {
	err := d.err
	if err == nil {
		d.batch.send(ctx, d.saved, l.meters)
		err = l.sendWhole(ctx, d.batch.refused(d.saved))
	}
	err = errors.Join(append(d.batch.problems(), err)...)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	l.meters.finish(d.batch, err, time.Since(d.start))
	return err
}

// sendWhole is for the nodes that do not take parts of images, or not what the
// store has.
func (l loading) sendWhole(ctx context.Context, refused batch) error {
	if len(refused) == 0 || ctx.Err() != nil {
		return nil
	}
	for _, t := range refused {
		l.reporter.Report(event.Warn(fmt.Sprintf(
			"node %s did not take only the missing layers, so it gets whole images: %v", t.node.Name(), t.err)))
		t.have.blobs, t.have.chains = nil, nil
	}
	saved, err := l.engine.save(ctx, refused)
	if err != nil {
		return err
	}
	refused.send(ctx, saved, l.meters)
	return nil
}
