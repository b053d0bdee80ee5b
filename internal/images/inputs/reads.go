package inputs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/dockerfile"
)

// reads lists what a Dockerfile target depends on.
type reads struct {
	whole bool
	paths []string // files, directories and patterns, unless whole
	bases []string
}

// readsOf finds the target's paths and base images with BuildKit's converter. If that
// fails, or the build uses another frontend, it returns the whole context and all base images
// that are known, and leaves an error to the build. The frontend is one of the base images.
func readsOf(ctx context.Context, text []byte, b Build, platform string, config baseConfig) reads {
	syntax := dockerfile.SyntaxOf(text, b.Args)
	var frontend []string
	if !syntax.Embedded() {
		frontend = []string{syntax.Image}
	}
	if !syntax.Docker() { // FROM may have another meaning
		return reads{whole: true, bases: union(frontend, slices.Collect(maps.Values(b.Bases)))}
	}
	resolver := &baseResolver{config: config}
	definition, err := convert(ctx, text, b, platform, resolver)
	if err != nil || !syntax.Embedded() {
		return reads{whole: true, bases: union(frontend, resolver.sorted(), slices.Collect(maps.Values(b.Bases)))}
	}
	r := contextReads(definition)
	r.bases = resolver.sorted()
	return r
}

func union(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

func convert(ctx context.Context, text []byte, b Build, platform string, resolver *baseResolver) (*llb.Definition, error) {
	target, err := platforms.Parse(platform)
	if err != nil {
		return nil, err
	}
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs:        b.AllArgs(),
			Target:           b.Target,
			ImageResolveMode: llb.ResolveModePreferLocal,
		},
		TargetPlatform: &target,
		MetaResolver:   resolver,
	})
	if err != nil {
		return nil, err
	}
	return result.State.Marshal(ctx, llb.Platform(target))
}

func contextReads(definition *llb.Definition) reads {
	for _, raw := range definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return reads{whole: true}
		}
		source := op.GetSource()
		if source == nil || source.Identifier != "local://"+dockerui.DefaultLocalNameContext {
			continue
		}
		var paths []string
		text := source.Attrs[pb.AttrFollowPaths]
		if text == "" || json.NewDecoder(bytes.NewBufferString(text)).Decode(&paths) != nil {
			return reads{whole: true}
		}
		return reads{paths: paths}
	}
	return reads{}
}

// baseConfig returns the config of an image, or nil if it is missing.
type baseConfig func(ctx context.Context, ref string) ([]byte, error)

// baseResolver resolves base images without pulling, and records them.
type baseResolver struct {
	config baseConfig

	mu        sync.Mutex
	requested map[string]bool
}

var _ llb.ImageMetaResolver = (*baseResolver)(nil)

func (r *baseResolver) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	r.mu.Lock()
	if r.requested == nil {
		r.requested = map[string]bool{}
	}
	r.requested[ref] = true
	r.mu.Unlock()
	config, err := r.config(ctx, ref)
	if config == nil && err == nil {
		config, err = unknownConfig(opt)
	}
	return ref, "", config, err
}

func (r *baseResolver) sorted() []string {
	return slices.Sorted(maps.Keys(r.requested))
}

// unknownConfig is for a missing image. Its layer keeps the converter from
// treating the image as scratch.
func unknownConfig(opt sourceresolver.Opt) ([]byte, error) {
	image := ocispecs.Image{RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("")}}}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		image.Platform = *opt.ImageOpt.Platform
	}
	return json.Marshal(image)
}

// contextOf returns a nil tree if the target reads no files.
func (c *LookupCache) contextOf(b Build, r reads, ignore []byte) (*tree, fsutil.FilterOpt, error) {
	if !r.whole && len(r.paths) == 0 {
		return nil, fsutil.FilterOpt{}, nil
	}
	ignored, err := ignorePatterns(b, ignore)
	if err != nil {
		return nil, fsutil.FilterOpt{}, err
	}
	files, err := c.tree(b.Context)
	if err != nil {
		return nil, fsutil.FilterOpt{}, fault.New(fault.Config, fmt.Errorf("read build context: %w", err), "")
	}
	filter := fsutil.FilterOpt{ExcludePatterns: ignored}
	if !r.whole {
		filter.FollowPaths = r.paths
	}
	return files, filter, nil
}
