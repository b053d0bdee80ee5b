package images

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Ensure makes all images of the set present: first the bases, then everything
// else side by side. It returns those that run somewhere, as they were when each
// was found or made, in the order Builds, Sources, Binaries. One item fails without
// stopping the others, and the error joins all failures. Each image gets an
// [event.ItemFinished]: Unchanged if it was there, else with one mutation.
func (e *Engine) Ensure(ctx context.Context, set Set, reporter event.Reporter) ([]Image, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	reporter = event.Synchronized(reporter)
	bases, err := e.look().bases(ctx, set)
	if err != nil {
		return nil, err
	}
	if _, err := e.provideAll(ctx, bases, reporter); err != nil {
		return nil, err
	}
	var built, provided, loaded []Image
	err = sideBySide(
		func() (err error) { built, err = e.buildAll(ctx, set.Builds, reporter); return err },
		func() (err error) { provided, err = e.provideAll(ctx, set.Sources, reporter); return err },
		func() (err error) { loaded, err = e.loadAll(ctx, set.Binaries, reporter); return err },
	)
	return slices.Concat(built, provided, loaded), err
}

// bases are the set's own and those that a Dockerfile names by itself: they
// too must be here before the build's identity is known, and are best got the
// same way.
func (v *view) bases(ctx context.Context, set Set) ([]Source, error) {
	bases := slices.Clone(set.Bases)
	for _, b := range set.Builds {
		id, err := v.identify(ctx, b)
		if err != nil {
			return nil, err
		}
		for _, ref := range id.absent {
			known := func(s Source) bool { return fullRef(s.Ref) == fullRef(ref) }
			if !slices.ContainsFunc(bases, known) {
				bases = append(bases, Source{Name: ref, Ref: ref})
			}
		}
	}
	return bases, nil
}

func (e *Engine) provideAll(ctx context.Context, sources []Source, reporter event.Reporter) ([]Image, error) {
	v := e.look()
	images := make([]Image, len(sources))
	var work []func() error
	for i, s := range sources {
		if firstOf(sources, s) < i {
			continue
		}
		work = append(work, func() (err error) {
			images[i], err = e.item(ctx, reporter, s.Name,
				func() (finding, error) { return v.source(ctx, s) },
				func(f finding) (string, error) { return e.provide(ctx, v, s, f.cause, reporter) })
			return err
		})
	}
	err := sideBySide(work...)
	for i, s := range sources {
		images[i] = images[firstOf(sources, s)]
		images[i].Name = s.Name
	}
	return images, err
}

// firstOf is where the source's image is named first.
func firstOf(sources []Source, s Source) int {
	return slices.IndexFunc(sources, func(other Source) bool { return fullRef(other.Ref) == fullRef(s.Ref) })
}

// provide gets an outside image that is not as it should be, and cause says
// why: pulled, else made by its recipe. It answers what it did.
func (e *Engine) provide(ctx context.Context, v *view, s Source, cause string, reporter event.Reporter) (string, error) {
	here, err := v.image(ctx, s.Ref)
	if err != nil {
		return "", err
	}
	if here != nil {
		return e.remake(ctx, v, s, cause, reporter)
	}
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		return "", err
	}
	err = e.pull(ctx, s.Name, reference.TagNameOnly(named), reporter)
	var refused *refusal
	switch {
	case err == nil:
		return "pulled", nil
	case !errors.As(err, &refused):
		return "", err
	case s.Recipe == "":
		return "", fault.New(fault.Build, fmt.Errorf("get image %s: it is not here, %w", s.Ref, refused),
			"make it present in the engine (docker pull, load or tag), correct the reference, or give it a recipe (offline:)")
	}
	return e.remake(ctx, v, s, refused.reason, reporter)
}

func (e *Engine) remake(ctx context.Context, v *view, s Source, reason string, reporter event.Reporter) (string, error) {
	hash, err := v.recipeHash(ctx, s.Recipe)
	if err != nil {
		return "", err
	}
	reporter.Report(event.Progress(s.Name, "make it with "+s.Recipe+": "+reason))
	return fmt.Sprintf("made by the recipe %s: %s", filepath.Base(s.Recipe), reason), e.cook(ctx, s, hash, reporter)
}

func (e *Engine) loadAll(ctx context.Context, binaries []Binary, reporter event.Reporter) ([]Image, error) {
	v := e.look()
	images := make([]Image, len(binaries))
	var work []func() error
	for i, b := range binaries {
		work = append(work, func() (err error) {
			var described binaryImage
			images[i], err = e.item(ctx, reporter, b.Repository,
				func() (f finding, err error) { described, f, err = v.binary(ctx, b); return f, err },
				func(finding) (string, error) { return "made of " + b.Path, e.loadBinary(ctx, described) })
			return err
		})
	}
	return images, sideBySide(work...)
}

// item finds one image, else makes it, and reports how that ended. provide says
// what it did.
func (e *Engine) item(ctx context.Context, reporter event.Reporter, name string, find func() (finding, error), provide func(finding) (string, error)) (Image, error) {
	start := time.Now()
	outcome, mutations, did := event.Unchanged, 0, ""
	f, err := find()
	if err == nil && f.image == nil {
		outcome, mutations = event.Done, 1
		if did, err = provide(f); err == nil {
			f.image, err = e.present(ctx, f.ref)
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
		return Image{}, err
	}
	return f.resolved(), nil
}

// present is the engine's image of a reference that it was just given.
func (e *Engine) present(ctx context.Context, ref string) (*image.InspectResponse, error) {
	found, err := e.inspect(ctx, ref)
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
