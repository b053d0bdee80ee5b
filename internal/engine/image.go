package engine

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
)

// Image is an image in the engine.
type Image struct {
	Name       string // in events and errors
	Repository string // familiar form, without a tag
	Tag        string
	Ref        string // fully qualified, as in a node
	ID         string
	Platform   string // such as linux/amd64

	DiffIDs []string // digests of the uncompressed layers, lowest first
	Size    int64    // bytes
}

// NewImage converts an inspected image. ref must be fully qualified.
func NewImage(name, ref string, found *image.InspectResponse) Image {
	i := Image{
		Name: name, Ref: ref, ID: found.ID, Platform: found.Os + "/" + found.Architecture,
		DiffIDs: found.RootFS.Layers, Size: found.Size,
	}
	if found.Variant != "" {
		i.Platform += "/" + found.Variant
	}
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		i.Repository, i.Tag = splitRef(named)
	}
	return i
}

// Inspect returns the image with the reference, or nil if there is none.
func (e *Engine) Inspect(ctx context.Context, ref string) (*image.InspectResponse, error) {
	found, err := e.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inspect image %s: %w", ref, err)
	}
	return &found, nil
}
