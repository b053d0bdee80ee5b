package images

import (
	"cmp"
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

type lookupResult struct {
	name   string
	ref    string                 // as configured
	reason string                 // why image is nil
	image  *image.InspectResponse // nil if missing or outdated

	external bool // not built from the checkout
}

func (r lookupResult) status() ImageStatus {
	if r.image == nil {
		return ImageStatus{Name: r.name, Ref: engine.FullRef(r.ref), Reason: r.reason}
	}
	return ImageStatus{Name: r.name, Ref: engine.FullRef(r.ref), Present: true, Image: r.engineImage()}
}

func (r lookupResult) engineImage() engine.Image {
	i := engine.NewImage(r.name, r.ref, r.image)
	if r.external {
		i.Aliases = engine.Aliases(r.ref, r.image)
	}
	return i
}

func (l *lookup) set(ctx context.Context, set Set) ([]lookupResult, error) {
	var finds []func(context.Context) (lookupResult, error)
	for _, s := range set.Bases {
		finds = append(finds, func(ctx context.Context) (lookupResult, error) { return l.source(ctx, s) })
	}
	for _, b := range set.Builds {
		finds = append(finds, func(ctx context.Context) (lookupResult, error) {
			_, r, err := l.build(ctx, b)
			return r, err
		})
	}
	for _, s := range set.Sources {
		finds = append(finds, func(ctx context.Context) (lookupResult, error) { return l.source(ctx, s) })
	}
	for _, b := range set.Binaries {
		finds = append(finds, func(ctx context.Context) (lookupResult, error) {
			_, r, err := l.binary(ctx, b)
			return r, err
		})
	}
	results := make([]lookupResult, len(finds))
	work, ctx := errgroup.WithContext(ctx)
	for i, find := range finds {
		work.Go(func() (err error) {
			results[i], err = find(ctx)
			return err
		})
	}
	return results, work.Wait()
}

func (l *lookup) build(ctx context.Context, b inputs.Build) (inputs.Identity, lookupResult, error) {
	r := lookupResult{name: b.Name}
	id, err := l.cache.Identify(ctx, b)
	if err != nil {
		return id, r, err
	}
	if len(id.Absent) > 0 {
		r.reason = "missing base image " + strings.Join(id.Absent, ", ")
		return id, r, nil
	}
	r.ref = id.Ref
	r.image, err = l.cache.Image(ctx, id.Ref)
	if r.image != nil {
		r.ref = rebuiltRef(id.Ref, r.image)
	}
	if err == nil && (r.image == nil || r.ref == "") {
		r.ref, r.image = id.Ref, nil
		r.reason = cmp.Or(l.builder.causes.Explain(causeName(b), id.Inputs.Manifest()), unexplained)
		return id, r, nil
	}
	if r.reason = l.builder.pending(id); r.reason != "" {
		r.image = nil
	}
	return id, r, err
}

// unexplained is the reason of a build of which no earlier image is known.
const unexplained = "not built yet for these inputs"

// builtBecause returns what a build did: "built: main.go changed".
func builtBecause(reason string) string {
	if reason == unexplained {
		return "built"
	}
	return "built: " + reason
}

// causeName identifies an image in the store of causes.
func causeName(b inputs.Build) string { return b.Repository + " " + b.Name }

// rebuiltRef returns the reference that names the image for good: with the suffix of its
// rebuild. It returns "" if the image does not have that name any more.
func rebuiltRef(ref string, found *image.InspectResponse) string {
	if found.Config == nil || found.Config.Labels[inputs.LabelRebuild] == "" {
		return ref
	}
	ref += "-" + found.Config.Labels[inputs.LabelRebuild]
	if slices.ContainsFunc(found.RepoTags, func(tag string) bool { return engine.FullRef(tag) == ref }) {
		return ref
	}
	return ""
}

func (l *lookup) source(ctx context.Context, s Source) (lookupResult, error) {
	r := lookupResult{name: s.Name, ref: s.Ref, external: true}
	found, err := l.cache.Image(ctx, s.Ref)
	if err != nil {
		return r, err
	}
	if found == nil {
		r.reason = "not present"
		return r, nil
	}
	stale, err := l.stale(ctx, s, found)
	if err != nil {
		return r, err
	}
	if stale {
		r.reason = "recipe changed"
		return r, nil
	}
	r.image = found
	return r, nil
}

// stale reports whether an older recipe built the image. Images without the
// label were pulled or belong to the user.
func (l *lookup) stale(ctx context.Context, s Source, found *image.InspectResponse) (bool, error) {
	if s.Recipe == "" || found.Config == nil || found.Config.Labels[inputs.LabelRecipe] == "" {
		return false, nil
	}
	hash, err := recipeHash(ctx, l.cache, s.Recipe)
	return found.Config.Labels[inputs.LabelRecipe] != hash, err
}

func (l *lookup) binary(ctx context.Context, b Binary) (binaryImage, lookupResult, error) {
	r := lookupResult{name: b.Repository}
	described, err := l.builder.describe(b)
	if err != nil {
		return described, r, err
	}
	r.ref = described.ref
	r.image, err = l.cache.Image(ctx, described.ref)
	if r.image == nil {
		r.reason = "not loaded yet"
	}
	return described, r, err
}

// bases adds missing images that Dockerfiles name directly, because tags depend
// on their IDs too.
func (l *lookup) bases(ctx context.Context, set Set) ([]Source, error) {
	bases := slices.Clone(set.Bases)
	for _, build := range set.Builds {
		id, err := l.cache.Identify(ctx, build)
		if err != nil {
			return nil, err
		}
		for _, ref := range id.Absent {
			i := firstIndex(bases, Source{Ref: ref})
			if i < 0 {
				i = len(bases)
				bases = append(bases, Source{Name: ref, Ref: ref})
			}
			if ref == id.Frontend {
				bases[i].frontend = id.FrontendPlace
			}
		}
	}
	return bases, nil
}
