package inputs

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// A view looks at the engine and at the file system at one time: whatever is
// asked for twice is read once. It is made anew for every operation, because
// both may have changed meanwhile; only executables are the Engine's to remember.
type LookupCache struct {
	engine *engine.Engine

	mu     sync.Mutex
	images map[string]func() (*image.InspectResponse, error)
	trees  map[string]func() (*tree, error)
}

// NewLookupCache returns an empty cache. An engine is needed for images only.
func NewLookupCache(e *engine.Engine) *LookupCache {
	return &LookupCache{
		engine: e,
		images: map[string]func() (*image.InspectResponse, error){},
		trees:  map[string]func() (*tree, error){},
	}
}

// image is the engine's image of a reference, nil if it has none.
func (v *LookupCache) Image(ctx context.Context, ref string) (*image.InspectResponse, error) {
	return Memoize(&v.mu, v.images, ref, func() (*image.InspectResponse, error) {
		return v.engine.Inspect(ctx, ref)
	})
}

func (v *LookupCache) tree(root string) (*tree, error) {
	return Memoize(&v.mu, v.trees, root, func() (*tree, error) { return newTree(root) })
}

// once keeps the answer for key in answers, which mu guards.
func Memoize[K comparable, T any](mu *sync.Mutex, answers map[K]func() (T, error), key K, ask func() (T, error)) (T, error) {
	mu.Lock()
	answer := answers[key]
	if answer == nil {
		answer = sync.OnceValues(ask)
		answers[key] = answer
	}
	mu.Unlock()
	return answer()
}

// config is the image config of a local image, nil if the engine has none.
func (v *LookupCache) config(ctx context.Context, ref string) ([]byte, error) {
	found, err := v.Image(ctx, ref)
	if found == nil || err != nil {
		return nil, err
	}
	config := dockerspec.DockerOCIImage{
		Image: ocispecs.Image{
			Platform: ocispecs.Platform{OS: found.Os, Architecture: found.Architecture, Variant: found.Variant},
			RootFS:   ocispecs.RootFS{Type: found.RootFS.Type},
		},
	}
	if found.Config != nil {
		config.Config = *found.Config
	}
	for _, id := range found.RootFS.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.Digest(id))
	}
	return json.Marshal(config)
}

// ListFiles describes the files below root that the filter lets pass, see [tree.list].
func (v *LookupCache) ListFiles(ctx context.Context, root string, filter fsutil.FilterOpt) ([]string, error) {
	files, err := v.tree(root)
	if err != nil {
		return nil, err
	}
	return files.list(ctx, filter)
}
