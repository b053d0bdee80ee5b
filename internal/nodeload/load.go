package nodeload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Load gives every node the images of the stock that it lacks, and of those only
// the layers that it lacks, all nodes at once. What shares no layer goes in
// batches, of which a node takes two at a time while the engine saves the next. If
// a node does not take parts of images, or not the layers of the engine's store, it
// gets them whole, and a warning says so. Afterwards the node is asked again. The
// first failure ends the load; errors have the class [fault.Load] and name node and
// image. An image for another architecture is an error before anything is sent.
func (l *Loader) Load(ctx context.Context, inventory Inventory, reporter event.Reporter) error {
	reporter = event.Synchronized(reporter)
	transfers, err := plan(inventory)
	if err != nil {
		return fault.New(fault.Load, err, "")
	}
	run := loadRun{loader: l, meters: newMeters(inventory.images, reporter), reporter: reporter}
	if len(transfers) > 0 {
		run.store = l.layerStore(ctx)
	}
	err = run.all(ctx, batches(transfers))
	run.meters.finishRest(transfers)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Load, err, "")
}

// A loading is one call of Load.
type loadRun struct {
	loader   *Loader
	store    *layerStore // nil if the engine has to save the images
	meters   transferProgress
	reporter event.Reporter
}

// A delivery is a batch with what its nodes get, or why that could not be had.
type exportedBatch struct {
	batch batch
	saved *export
	err   error
	start time.Time
}

// atOnce is how many batches a node takes at a time. The import of one first
// writes its layers and then unpacks them, each on one core.
const atOnce = 2

// all saves the batches, and meanwhile sends those that are saved.
func (r loadRun) all(ctx context.Context, batches []batch) error {
	work, ctx := errgroup.WithContext(ctx)
	ready := make(chan exportedBatch)
	work.Go(func() error {
		defer close(ready)
		for _, b := range batches {
			d := exportedBatch{batch: b, start: time.Now()}
			d.saved, d.err = r.save(ctx, b)
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
				if err := r.deliver(ctx, d); err != nil {
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
func (r loadRun) save(ctx context.Context, b batch) (*export, error) {
	if r.store != nil {
		s, err := r.store.saved(imagesOf(b))
		if err == nil {
			return s, nil
		}
		r.reporter.Report(event.Warn(fmt.Sprintf("the engine has to save images, which takes longer, since its store cannot be read: %v", err)))
	}
	return r.loader.save(ctx, b)
}

// deliver sends a batch to its nodes and tells how that ended.
func (r loadRun) deliver(ctx context.Context, d exportedBatch) error {
	err := d.err
	if err == nil {
		d.batch.send(ctx, d.saved, r.meters)
		err = r.sendWhole(ctx, d.batch.refused(d.saved))
	}
	err = errors.Join(append(d.batch.problems(), err)...)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	r.meters.finish(d.batch, err, time.Since(d.start))
	return err
}

// sendWhole is for the nodes that do not take parts of images, or not what the
// store has.
func (r loadRun) sendWhole(ctx context.Context, refused batch) error {
	if len(refused) == 0 || ctx.Err() != nil {
		return nil
	}
	for _, t := range refused {
		r.reporter.Report(event.Warn(fmt.Sprintf(
			"node %s did not take only the missing layers, so it gets whole images: %v", t.node.Name(), t.err)))
		t.have.blobs, t.have.chains = nil, nil
	}
	saved, err := r.loader.save(ctx, refused)
	if err != nil {
		return err
	}
	refused.send(ctx, saved, r.meters)
	return nil
}
