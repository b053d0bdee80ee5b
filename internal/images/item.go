package images

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// item finds one image, else makes it, and reports how that ended. provide says
// what it did.
func (b *Builder) ensureOne(ctx context.Context, reporter event.Reporter, name string, find func() (lookupResult, error), provide func(lookupResult) (string, error)) (engine.Image, error) {
	start := time.Now()
	outcome, mutations, did := event.Unchanged, 0, ""
	f, err := find()
	if err == nil && f.image == nil {
		outcome, mutations = event.Done, 1
		if did, err = provide(f); err == nil {
			f.image, err = b.present(ctx, f.ref)
		}
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		outcome, mutations, did = event.Canceled, 0, ""
	default:
		outcome, mutations, did = event.Failed, 0, ""
	}
	finished := event.Finished(name, outcome, did, time.Since(start), mutations)
	finished.Reason, finished.Err = f.cause, err
	reporter.Report(finished)
	if err != nil {
		return engine.Image{}, err
	}
	return f.resolved(), nil
}

// present is the engine's image of a reference that it was just given.
func (b *Builder) present(ctx context.Context, ref string) (*image.InspectResponse, error) {
	found, err := b.engine.Inspect(ctx, ref)
	if err == nil && found == nil {
		err = fault.New(fault.Build, fmt.Errorf("image %s was removed as soon as it was there", ref), "run it again")
	}
	return found, err
}

// sideBySide does all works to their ends and joins their errors in order.
func sideBySide(works ...func() error) error {
	errs := make([]error, len(works))
	var wait sync.WaitGroup
	for i, work := range works {
		wait.Go(func() { errs[i] = work() })
	}
	wait.Wait()
	return errors.Join(errs...)
}
