package images

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A view looks at the engine and at the file system at one time: whatever is
// asked for twice is read once. It is made anew for every operation, because
// both may have changed meanwhile; only executables are the Engine's to remember.
type view struct {
	engine *Engine

	mu     sync.Mutex
	images map[string]func() (*image.InspectResponse, error)
	trees  map[string]func() (*tree, error)
}

func (e *Engine) look() *view {
	return &view{
		engine: e,
		images: map[string]func() (*image.InspectResponse, error){},
		trees:  map[string]func() (*tree, error){},
	}
}

// image is the engine's image of a reference, nil if it has none.
func (v *view) image(ctx context.Context, ref string) (*image.InspectResponse, error) {
	return once(&v.mu, v.images, ref, func() (*image.InspectResponse, error) {
		return v.engine.inspect(ctx, ref)
	})
}

func (v *view) tree(root string) (*tree, error) {
	return once(&v.mu, v.trees, root, func() (*tree, error) { return newTree(root) })
}

// once keeps the answer for key in answers, which mu guards.
func once[K comparable, T any](mu *sync.Mutex, answers map[K]func() (T, error), key K, ask func() (T, error)) (T, error) {
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
func (v *view) config(ctx context.Context, ref string) ([]byte, error) {
	found, err := v.image(ctx, ref)
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

// inspect asks the engine for an image; nil if it has none.
func (e *Engine) inspect(ctx context.Context, ref string) (*image.InspectResponse, error) {
	found, err := e.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask the engine for image %s: %w", ref, err)
	}
	return &found, nil
}
