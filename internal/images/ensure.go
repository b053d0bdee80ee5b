package images

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Ensure makes all images of the set present: first the bases, then everything
// else side by side. It returns those that run somewhere, as they were when each
// was found or made, in the order Builds, Sources, Binaries. One item fails without
// stopping the others, and the error joins all failures. Each image gets an
// [event.ItemFinished]: Unchanged if it was there, else with one mutation.
func (b *Builder) Ensure(ctx context.Context, set Set, reporter event.Reporter) ([]engine.Image, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	reporter = event.Synchronized(reporter)
	bases, err := b.newLookup().bases(ctx, set)
	if err != nil {
		return nil, err
	}
	if _, err := b.provideAll(ctx, bases, reporter); err != nil {
		return nil, err
	}
	var built, provided, loaded []engine.Image
	err = sideBySide(
		func() (err error) { built, err = b.buildAll(ctx, set.Builds, reporter); return err },
		func() (err error) { provided, err = b.provideAll(ctx, set.Sources, reporter); return err },
		func() (err error) { loaded, err = b.loadAll(ctx, set.Binaries, reporter); return err },
	)
	return slices.Concat(built, provided, loaded), err
}

func (b *Builder) provideAll(ctx context.Context, sources []Source, reporter event.Reporter) ([]engine.Image, error) {
	l := b.newLookup()
	images := make([]engine.Image, len(sources))
	var work []func() error
	for i, s := range sources {
		if firstOf(sources, s) < i {
			continue
		}
		work = append(work, func() (err error) {
			images[i], err = b.ensureOne(ctx, reporter, s.Name,
				func() (lookupResult, error) { return l.source(ctx, s) },
				func(f lookupResult) (string, error) { return b.create(ctx, l, s, f.cause, reporter) })
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
	return slices.IndexFunc(sources, func(other Source) bool { return engine.FullRef(other.Ref) == engine.FullRef(s.Ref) })
}

// provide gets an outside image that is not as it should be, and cause says
// why: pulled, else made by its recipe. It answers what it did.
func (b *Builder) create(ctx context.Context, l *lookup, s Source, cause string, reporter event.Reporter) (string, error) {
	here, err := l.cache.Image(ctx, s.Ref)
	if err != nil {
		return "", err
	}
	if here != nil {
		return b.remake(ctx, l, s, cause, reporter)
	}
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		return "", err
	}
	err = b.pull(ctx, s.Name, reference.TagNameOnly(named), reporter)
	var refused *registryError
	switch {
	case err == nil:
		return "pulled", nil
	case !errors.As(err, &refused):
		return "", err
	case s.Recipe == "":
		return "", fault.New(fault.Build, fmt.Errorf("get image %s: it is not here, %w", s.Ref, refused),
			"make it present in the engine (docker pull, load or tag), correct the reference, or give it a recipe (offline:)")
	}
	return b.remake(ctx, l, s, refused.reason, reporter)
}

func (b *Builder) remake(ctx context.Context, l *lookup, s Source, reason string, reporter event.Reporter) (string, error) {
	hash, err := recipeHash(ctx, l.cache, s.Recipe)
	if err != nil {
		return "", err
	}
	reporter.Report(event.Progress(s.Name, "make it with "+s.Recipe+": "+reason))
	return fmt.Sprintf("made by the recipe %s: %s", filepath.Base(s.Recipe), reason), b.cook(ctx, s, hash, reporter)
}

func (b *Builder) loadAll(ctx context.Context, binaries []Binary, reporter event.Reporter) ([]engine.Image, error) {
	l := b.newLookup()
	images := make([]engine.Image, len(binaries))
	var work []func() error
	for i, binary := range binaries {
		work = append(work, func() (err error) {
			var described binaryImage
			images[i], err = b.ensureOne(ctx, reporter, binary.Repository,
				func() (f lookupResult, err error) { described, f, err = l.binary(ctx, binary); return f, err },
				func(lookupResult) (string, error) { return "made of " + binary.Path, b.loadBinary(ctx, described) })
			return err
		})
	}
	return images, sideBySide(work...)
}
