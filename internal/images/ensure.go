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

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Ensure makes all images of the set present: first the bases, then everything
// else side by side. One item fails without stopping the others, and the error
// joins all failures. Each image gets an [event.ItemFinished]: Unchanged if it
// was there, else with one mutation.
func (e *Engine) Ensure(ctx context.Context, set Set, reporter event.Reporter) error {
	if err := set.check(); err != nil {
		return err
	}
	reporter = event.InTurn(reporter)
	bases, err := e.look().bases(ctx, set)
	if err != nil {
		return err
	}
	if err := e.provideAll(ctx, bases, reporter); err != nil {
		return err
	}
	return sideBySide(
		func() error { return e.buildAll(ctx, set.Builds, reporter) },
		func() error { return e.provideAll(ctx, set.Sources, reporter) },
		func() error { return e.loadAll(ctx, set.Binaries, reporter) },
	)
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

func (e *Engine) provideAll(ctx context.Context, sources []Source, reporter event.Reporter) error {
	v := e.look()
	var work []func() error
	for i, s := range sources {
		same := func(other Source) bool { return fullRef(other.Ref) == fullRef(s.Ref) }
		if slices.IndexFunc(sources, same) < i {
			continue
		}
		work = append(work, func() error {
			return item(ctx, reporter, s.Name, func() (did, error) {
				f, err := v.source(ctx, s)
				if err != nil || f.image != nil {
					return did{}, err
				}
				done, err := e.provide(ctx, v, s, f.cause, reporter)
				return did{done, f.cause}, err
			})
		})
	}
	return sideBySide(work...)
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

func (e *Engine) loadAll(ctx context.Context, binaries []Binary, reporter event.Reporter) error {
	v := e.look()
	var work []func() error
	for _, b := range binaries {
		work = append(work, func() error {
			return item(ctx, reporter, b.Repository, func() (did, error) {
				described, f, err := v.binary(ctx, b)
				if err != nil || f.image != nil {
					return did{}, err
				}
				return did{"made of " + b.Path, f.cause}, e.loadBinary(ctx, described)
			})
		})
	}
	return sideBySide(work...)
}

// did is what was done for an image, and why. If it is empty, there was nothing
// to do.
type did struct{ what, cause string }

// item does the work for one image and reports how it ended.
func item(ctx context.Context, reporter event.Reporter, name string, work func() (did, error)) error {
	start := time.Now()
	done, err := work()
	outcome, mutations := event.Unchanged, 0
	switch {
	case err != nil && ctx.Err() != nil:
		outcome = event.Canceled
	case err != nil:
		outcome = event.Failed
	case done.what != "":
		outcome, mutations = event.Done, 1
	}
	finished := event.Finished(name, outcome, done.what, time.Since(start), mutations)
	finished.Cause = done.cause
	if err != nil {
		finished.Message, finished.Err = "", err
	}
	reporter.Report(finished)
	return err
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
