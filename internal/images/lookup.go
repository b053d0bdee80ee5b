package images

import (
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/image"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// lookup finds the images of a set during one operation.
type lookup struct {
	builder *Builder
	cache   *inputs.LookupCache
}

func (b *Builder) newLookup() *lookup {
	return &lookup{builder: b, cache: inputs.NewLookupCache(b.engine)}
}

// A finding is what a view sees of one image of a set.
type lookupResult struct {
	name  string
	ref   string
	cause string                 // why the image is not there or not right
	image *image.InspectResponse // nil unless it is there and right
}

func (f lookupResult) presence() ImageStatus {
	if f.image == nil {
		return ImageStatus{Name: f.name, Ref: f.ref, Reason: f.cause}
	}
	return ImageStatus{Name: f.name, Ref: f.ref, Present: true, Image: f.resolved()}
}

func (f lookupResult) resolved() engine.Image {
	return engine.NewImage(f.name, f.ref, f.image)
}

// set looks at all images side by side and keeps their order: bases, builds,
// sources, binaries.
func (l *lookup) set(ctx context.Context, set Set) ([]lookupResult, error) {
	var looks []func(context.Context) (lookupResult, error)
	for _, s := range set.Bases {
		looks = append(looks, func(ctx context.Context) (lookupResult, error) { return l.source(ctx, s) })
	}
	for _, b := range set.Builds {
		looks = append(looks, func(ctx context.Context) (lookupResult, error) {
			_, f, err := l.build(ctx, b)
			return f, err
		})
	}
	for _, s := range set.Sources {
		looks = append(looks, func(ctx context.Context) (lookupResult, error) { return l.source(ctx, s) })
	}
	for _, b := range set.Binaries {
		looks = append(looks, func(ctx context.Context) (lookupResult, error) {
			_, f, err := l.binary(ctx, b)
			return f, err
		})
	}
	found := make([]lookupResult, len(looks))
	work, ctx := errgroup.WithContext(ctx)
	for i, look := range looks {
		work.Go(func() (err error) {
			found[i], err = look(ctx)
			return err
		})
	}
	return found, work.Wait()
}

func (l *lookup) build(ctx context.Context, b inputs.Build) (inputs.Identity, lookupResult, error) {
	f := lookupResult{name: b.Name}
	id, err := l.cache.Identify(ctx, b)
	if err != nil {
		return id, f, err
	}
	if len(id.Absent) > 0 {
		f.cause = "its base " + strings.Join(id.Absent, " and ") + " is not here"
		return id, f, nil
	}
	f.ref = id.Ref
	f.image, err = l.cache.Image(ctx, id.Ref)
	if f.image == nil {
		f.cause = "not built yet for these inputs"
	}
	return id, f, err
}

func (l *lookup) source(ctx context.Context, s Source) (lookupResult, error) {
	f := lookupResult{name: s.Name, ref: engine.FullRef(s.Ref)}
	here, err := l.cache.Image(ctx, s.Ref)
	if err != nil {
		return f, err
	}
	if here == nil {
		f.cause = "not here"
		return f, nil
	}
	stale, err := l.stale(ctx, s, here)
	if err != nil {
		return f, err
	}
	if stale {
		f.cause = "its recipe changed"
		return f, nil
	}
	f.image = here
	return f, nil
}

// stale reports that a recipe made the image and is now another. An image
// without a recipe's label is the user's own or a pulled one.
func (l *lookup) stale(ctx context.Context, s Source, here *image.InspectResponse) (bool, error) {
	if s.Recipe == "" || here.Config == nil || here.Config.Labels[inputs.LabelRecipe] == "" {
		return false, nil
	}
	hash, err := recipeHash(ctx, l.cache, s.Recipe)
	return here.Config.Labels[inputs.LabelRecipe] != hash, err
}

func (l *lookup) binary(ctx context.Context, b Binary) (binaryImage, lookupResult, error) {
	f := lookupResult{name: b.Repository}
	described, err := l.builder.describe(b)
	if err != nil {
		return described, f, err
	}
	f.ref = described.ref
	f.image, err = l.cache.Image(ctx, described.ref)
	if f.image == nil {
		f.cause = "not made yet of this executable"
	}
	return described, f, err
}

// bases are the set's own and those that a Dockerfile names by itself: they
// too must be here before the build's identity is known, and are best got the
// same way.
func (l *lookup) bases(ctx context.Context, set Set) ([]Source, error) {
	bases := slices.Clone(set.Bases)
	for _, build := range set.Builds {
		id, err := l.cache.Identify(ctx, build)
		if err != nil {
			return nil, err
		}
		for _, ref := range id.Absent {
			known := func(s Source) bool { return engine.FullRef(s.Ref) == engine.FullRef(ref) }
			if !slices.ContainsFunc(bases, known) {
				bases = append(bases, Source{Name: ref, Ref: ref})
			}
		}
	}
	return bases, nil
}
