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

// LookupCache caches engine and file lookups during one operation.
type LookupCache struct {
	engine *engine.Engine

	mu     sync.Mutex
	images map[string]func() (*image.InspectResponse, error)
	trees  map[string]func() (*tree, error)
}

// NewLookupCache returns an empty cache. e may be nil if no image is looked up.
func NewLookupCache(e *engine.Engine) *LookupCache {
	return &LookupCache{
		engine: e,
		images: map[string]func() (*image.InspectResponse, error){},
		trees:  map[string]func() (*tree, error){},
	}
}

// Image returns the image with the reference, or nil if there is none.
func (c *LookupCache) Image(ctx context.Context, ref string) (*image.InspectResponse, error) {
	return Memoize(&c.mu, c.images, ref, func() (*image.InspectResponse, error) {
		return c.engine.Inspect(ctx, ref)
	})
}

func (c *LookupCache) tree(root string) (*tree, error) {
	return Memoize(&c.mu, c.trees, root, func() (*tree, error) { return newTree(root) })
}

// Memoize returns the entry for key, which load provides once. mu guards
// entries.
func Memoize[K comparable, T any](mu *sync.Mutex, entries map[K]func() (T, error), key K, load func() (T, error)) (T, error) {
	mu.Lock()
	entry := entries[key]
	if entry == nil {
		entry = sync.OnceValues(load)
		entries[key] = entry
	}
	mu.Unlock()
	return entry()
}

func (c *LookupCache) config(ctx context.Context, ref string) ([]byte, error) {
	found, err := c.Image(ctx, ref)
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

// ListFiles lists the matching files below root, sorted by path: mode, path,
// and link target or content hash.
func (c *LookupCache) ListFiles(ctx context.Context, root string, filter fsutil.FilterOpt) ([]string, error) {
	t, err := c.tree(root)
	if err != nil {
		return nil, err
	}
	entries, err := t.entries(ctx, filter)
	return lines(entries), err
}
