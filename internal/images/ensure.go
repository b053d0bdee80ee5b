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
	"tkdeploy.dev/tkdeploy/internal/images/dockerfile"
	"tkdeploy.dev/tkdeploy/internal/images/failfast"
)

// Ensure makes every image in the set available: base images first, then the
// others in parallel. It returns the runnable images in the order Builds,
// Sources, Binaries. Each image reports an [event.ItemFinished], with one mutation
// if it was created.
//
// A failed base image stops the rest. After any other failure, images in progress
// have the time of [Options] left. Ensure returns the failures, the first one first.
func (b *Builder) Ensure(ctx context.Context, set Set, reporter event.Reporter) ([]engine.Image, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	group := failfast.New()
	reporter = group.Watch(event.Synchronized(reporter))
	building, cancelBuilds := group.Context(ctx, b.options.BuildGrace)
	defer cancelBuilds()
	pulling, cancelPulls := group.Context(ctx, b.options.PullGrace)
	defer cancelPulls()
	defer b.reportCredentials(reporter)
	bases, err := b.newLookup().bases(ctx, set)
	if err != nil {
		return nil, err
	}
	if _, err := b.ensureSources(pulling, bases, reporter); err != nil {
		return nil, failfast.Failures(err)
	}
	if b.options.Pull {
		if err := b.refreshBases(ctx, set, reporter); err != nil {
			return nil, err
		}
	}
	var builds, sources, binaries []engine.Image
	err = inParallel(
		func() (err error) {
			if builds, err = b.ensureBuilds(building, set.Builds, reporter); err != nil {
				group.Fail() // also without a failed image, such as for a credential
			}
			return err
		},
		func() (err error) { sources, err = b.ensureSources(pulling, set.Sources, reporter); return err },
		func() (err error) { binaries, err = b.ensureBinaries(building, set.Binaries, reporter); return err },
	)
	return slices.Concat(builds, sources, binaries), failfast.Failures(err)
}

// reportCredentials warns of credential helpers that failed.
func (b *Builder) reportCredentials(reporter event.Reporter) {
	for _, note := range b.engine.Auth().Notes() {
		reporter.Report(event.Warn(note))
	}
}

func (b *Builder) ensureSources(ctx context.Context, sources []Source, reporter event.Reporter) ([]engine.Image, error) {
	l := b.newLookup()
	images := make([]engine.Image, len(sources))
	var work []func() error
	for i, s := range sources {
		if firstIndex(sources, s) < i {
			continue
		}
		work = append(work, func() (err error) {
			images[i], err = b.ensureOne(ctx, reporter, s.Name,
				func() (lookupResult, error) { return l.source(ctx, s) },
				func(r lookupResult) (string, error) { return b.create(ctx, l, s, r.reason, reporter) })
			return err
		})
	}
	err := inParallel(work...)
	for i, s := range sources {
		images[i] = images[firstIndex(sources, s)]
		images[i].Name = s.Name
	}
	return images, err
}

// create pulls the image, or runs the recipe if the pull fails or an older
// recipe's image exists. It returns what it did.
func (b *Builder) create(ctx context.Context, l *lookup, s Source, reason string, reporter event.Reporter) (string, error) {
	found, err := l.cache.Image(ctx, s.Ref)
	if err != nil {
		return "", err
	}
	if found != nil {
		return b.createByRecipe(ctx, l, s, reason, reporter)
	}
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		return "", err
	}
	err = b.pull(ctx, s.Name, reference.TagNameOnly(named), reporter)
	var failed *registryError
	switch {
	case err == nil:
		return "pulled", nil
	case !errors.As(err, &failed):
		return "", err
	case failed.partial:
		return "", fault.New(fault.Build, fmt.Errorf("pull image %s: %w", s.Ref, failed),
			"run tkdeploy again: the engine keeps the layers that it has; for a slow registry, set pull.idleTimeout in tkdeploy.yaml")
	case s.Recipe == "" && s.frontend != "":
		return "", fault.New(fault.Build, fmt.Errorf("%s: get frontend image %s: not present, and %w", s.frontend, s.Ref, failed),
			fmt.Sprintf("pull it into the engine, add it to bases with a recipe, or use tkdeploy's own frontend: docker/dockerfile:1, version %s", dockerfile.Version()))
	case s.Recipe == "":
		return "", fault.New(fault.Build, fmt.Errorf("get image %s: not present, and %w", s.Ref, failed),
			"add it to the engine (docker pull, load or tag), correct the reference, or configure a recipe (recipe:)")
	}
	return b.createByRecipe(ctx, l, s, failed.reason, reporter)
}

func (b *Builder) createByRecipe(ctx context.Context, l *lookup, s Source, reason string, reporter event.Reporter) (string, error) {
	hash, err := recipeHash(ctx, l.cache, s.Recipe)
	if err != nil {
		return "", err
	}
	reporter.Report(event.Progress(s.Name, "build with recipe "+s.Recipe+": "+reason))
	return fmt.Sprintf("built by recipe %s: %s", filepath.Base(s.Recipe), reason), b.buildByRecipe(ctx, s, hash, reporter)
}

func (b *Builder) ensureBinaries(ctx context.Context, binaries []Binary, reporter event.Reporter) ([]engine.Image, error) {
	l := b.newLookup()
	images := make([]engine.Image, len(binaries))
	var work []func() error
	for i, binary := range binaries {
		work = append(work, func() (err error) {
			var described binaryImage
			images[i], err = b.ensureOne(ctx, reporter, binary.Repository,
				func() (r lookupResult, err error) { described, r, err = l.binary(ctx, binary); return r, err },
				func(lookupResult) (string, error) { return "for " + b.engine.Platform(), b.loadBinary(ctx, described) })
			return err
		})
	}
	return images, inParallel(work...)
}
