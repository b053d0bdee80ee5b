package nodeload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Load copies missing images to every node in parallel, sending only the layers
// each node lacks. If a node rejects a partial image or a layer of the engine's
// layer store, Load warns and sends whole images. It verifies each node and
// returns the first error, of class [fault.Load]. It rejects images for another
// architecture before sending anything.
func (l *Loader) Load(ctx context.Context, inventory Inventory, reporter event.Reporter) error {
	reporter = event.Synchronized(reporter)
	transfers, err := planTransfers(inventory)
	if err != nil {
		return fault.New(fault.Load, err, "")
	}
	files.Sweep(l.options.TempDir, tempPrefix) // also if no layer is exported this time
	run := loadRun{loader: l, progress: newTransferProgress(inventory.images, reporter), reporter: reporter}
	if len(transfers) > 0 {
		if run.store = l.layerStore(ctx); run.store == nil {
			run.pusher = l.pusher(ctx)
		}
	}
	err = run.exportAndSend(ctx, batches(transfers))
	run.progress.finishRest(transfers)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Load, err, "")
}

type loadRun struct {
	loader   *Loader
	store    *layerStore // nil if unavailable
	pusher   *pusher     // nil if unavailable
	progress transferProgress
	reporter event.Reporter
}

type exportedBatch struct {
	batch  batch
	export *export
	err    error
	start  time.Time
}

// parallelBatches is how many batches a node imports at once. An import first
// writes, then unpacks layers, each on one core.
const parallelBatches = 2

// exportAndSend sends batches while it exports the next one.
func (r loadRun) exportAndSend(ctx context.Context, batches []batch) error {
	work, ctx := errgroup.WithContext(ctx)
	ready := make(chan exportedBatch)
	work.Go(func() error {
		defer close(ready)
		for _, b := range batches {
			e := exportedBatch{batch: b, start: time.Now()}
			e.export, e.err = r.export(ctx, b)
			select {
			case ready <- e:
			case <-ctx.Done():
				e.export.close()
				return ctx.Err()
			}
		}
		return nil
	})
	for range parallelBatches {
		work.Go(func() error {
			for e := range ready {
				if err := r.send(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

func (r loadRun) export(ctx context.Context, b batch) (*export, error) {
	if r.store != nil {
		e, err := r.store.export(distinctImages(b))
		if err == nil {
			return e, nil
		}
		r.reporter.Report(event.Warn(fmt.Sprintf("cannot read the engine's layer store, so the engine exports the images, which takes longer: %v", err)))
	}
	if r.pusher != nil {
		e, err := r.pusher.export(ctx, b)
		if err == nil || ctx.Err() != nil {
			return e, err
		}
		if !errors.Is(err, errUnreachable) {
			r.reporter.Report(event.Warn(fmt.Sprintf("the engine cannot push the images, so it exports them, which takes longer: %v", err)))
		}
	}
	return r.loader.export(ctx, b)
}

func (r loadRun) send(ctx context.Context, e exportedBatch) error {
	err := e.err
	if err == nil {
		e.batch.send(ctx, e.export, r.progress)
		err = r.sendWholeImages(ctx, e.batch.rejected(e.export))
	}
	err = errors.Join(append(e.batch.errs(), err)...)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	r.progress.finish(e.batch, err, time.Since(e.start))
	return err
}

func (r loadRun) sendWholeImages(ctx context.Context, failed batch) error {
	if len(failed) == 0 || ctx.Err() != nil {
		return nil
	}
	for _, t := range failed {
		r.reporter.Report(event.Warn(fmt.Sprintf(
			"cannot load only the missing layers into node %s, sending whole images: %v", t.node.Name(), t.err)))
		t.have.blobs, t.have.chains = nil, nil
	}
	e, err := r.loader.export(ctx, failed)
	if err != nil {
		return err
	}
	failed.send(ctx, e, r.progress)
	return nil
}
