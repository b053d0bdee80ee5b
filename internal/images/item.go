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
	"tkdeploy.dev/tkdeploy/internal/images/failfast"
)

// ensureOne creates a missing image and reports the outcome. create returns
// what it did.
func (b *Builder) ensureOne(ctx context.Context, reporter event.Reporter, name string, find func() (lookupResult, error), create func(lookupResult) (string, error)) (engine.Image, error) {
	start := time.Now()
	outcome, mutations, did := event.Unchanged, 0, ""
	r, err := find()
	if err == nil && r.image == nil {
		outcome, mutations = event.Done, 1
		if did, err = create(r); err == nil {
			r.image, err = b.inspectCreated(ctx, r.ref)
		}
	}
	switch {
	case err == nil:
	case failfast.Stopped(ctx):
		outcome, mutations, did, err = event.Canceled, 0, "canceled: another image failed", failfast.ErrStopped
	case ctx.Err() != nil:
		outcome, mutations, did = event.Canceled, 0, ""
	default:
		outcome, mutations, did = event.Failed, 0, ""
	}
	finished := event.Finished(name, outcome, did, time.Since(start), mutations)
	finished.Reason, finished.Err = r.reason, err
	reporter.Report(finished)
	if err != nil {
		return engine.Image{}, err
	}
	return r.engineImage(), nil
}

func (b *Builder) inspectCreated(ctx context.Context, ref string) (*image.InspectResponse, error) {
	found, err := b.engine.Inspect(ctx, ref)
	if err == nil && found == nil {
		err = fault.New(fault.Build, fmt.Errorf("image %s was removed right after it was created", ref), "run tkdeploy again")
	}
	return found, err
}

// inParallel joins the errors in the order in which they occurred.
func inParallel(funcs ...func() error) error {
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for _, f := range funcs {
		wait.Go(func() {
			err := f()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
