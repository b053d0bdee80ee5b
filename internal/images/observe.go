package images

import (
	"context"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"golang.org/x/sync/errgroup"
)

// Observe tells which images of the set the engine has. It changes nothing.
func (e *Engine) Observe(ctx context.Context, set Set) (Status, error) {
	if err := set.check(); err != nil {
		return Status{}, err
	}
	found, err := e.look().set(ctx, set)
	if err != nil {
		return Status{}, err
	}
	status := Status{bases: len(set.Bases)}
	for _, f := range found {
		status.Images = append(status.Images, f.presence())
	}
	return status, nil
}

// Resolve is [Status.Resolved] of the set as it is now.
func (e *Engine) Resolve(ctx context.Context, set Set) ([]Image, error) {
	set.Bases = nil
	status, err := e.Observe(ctx, set)
	if err != nil {
		return nil, err
	}
	return status.Resolved()
}

// A finding is what a view sees of one image of a set.
type finding struct {
	name  string
	ref   string
	cause string                 // why the image is not there or not right
	image *image.InspectResponse // nil unless it is there and right
}

func (f finding) presence() ImageStatus {
	if f.image == nil {
		return ImageStatus{Name: f.name, Ref: f.ref, Reason: f.cause}
	}
	return ImageStatus{Name: f.name, Ref: f.ref, Present: true, Image: f.resolved()}
}

func (f finding) resolved() Image {
	named, err := reference.ParseNormalizedNamed(f.ref)
	i := Image{Name: f.name, Ref: f.ref, ID: f.image.ID, diffIDs: f.image.RootFS.Layers, size: f.image.Size}
	if err == nil {
		i.Repository, i.Tag = splitRef(named)
	}
	i.Platform = f.image.Os + "/" + f.image.Architecture
	if f.image.Variant != "" {
		i.Platform += "/" + f.image.Variant
	}
	return i
}

// set looks at all images side by side and keeps their order: bases, builds,
// sources, binaries.
func (v *view) set(ctx context.Context, set Set) ([]finding, error) {
	var looks []func(context.Context) (finding, error)
	for _, s := range set.Bases {
		looks = append(looks, func(ctx context.Context) (finding, error) { return v.source(ctx, s) })
	}
	for _, b := range set.Builds {
		looks = append(looks, func(ctx context.Context) (finding, error) {
			_, f, err := v.build(ctx, b)
			return f, err
		})
	}
	for _, s := range set.Sources {
		looks = append(looks, func(ctx context.Context) (finding, error) { return v.source(ctx, s) })
	}
	for _, b := range set.Binaries {
		looks = append(looks, func(ctx context.Context) (finding, error) {
			_, f, err := v.binary(ctx, b)
			return f, err
		})
	}
	found := make([]finding, len(looks))
	work, ctx := errgroup.WithContext(ctx)
	for i, look := range looks {
		work.Go(func() (err error) {
			found[i], err = look(ctx)
			return err
		})
	}
	return found, work.Wait()
}

func (v *view) build(ctx context.Context, b Build) (identity, finding, error) {
	f := finding{name: b.Name}
	id, err := v.identify(ctx, b)
	if err != nil {
		return id, f, err
	}
	if len(id.absent) > 0 {
		f.cause = "its base " + strings.Join(id.absent, " and ") + " is not here"
		return id, f, nil
	}
	f.ref = id.ref
	f.image, err = v.image(ctx, id.ref)
	if f.image == nil {
		f.cause = "not built yet for these inputs"
	}
	return id, f, err
}

func (v *view) source(ctx context.Context, s Source) (finding, error) {
	f := finding{name: s.Name, ref: fullRef(s.Ref)}
	here, err := v.image(ctx, s.Ref)
	if err != nil {
		return f, err
	}
	if here == nil {
		f.cause = "not here"
		return f, nil
	}
	stale, err := v.stale(ctx, s, here)
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
func (v *view) stale(ctx context.Context, s Source, here *image.InspectResponse) (bool, error) {
	if s.Recipe == "" || here.Config == nil || here.Config.Labels[LabelRecipe] == "" {
		return false, nil
	}
	hash, err := v.recipeHash(ctx, s.Recipe)
	return here.Config.Labels[LabelRecipe] != hash, err
}

func (v *view) binary(ctx context.Context, b Binary) (binaryImage, finding, error) {
	f := finding{name: b.Repository}
	described, err := v.engine.describe(b)
	if err != nil {
		return described, f, err
	}
	f.ref = described.ref
	f.image, err = v.image(ctx, described.ref)
	if f.image == nil {
		f.cause = "not made yet of this executable"
	}
	return described, f, err
}
