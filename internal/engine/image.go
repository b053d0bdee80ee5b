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
	Name string // in events and errors

	// Repository and Tag, joined by a colon, are the reference in its familiar form.
	// A digest is part of one of them: repository "web" and tag "1@sha256:ab", or
	// repository "web@sha256" and tag "ab".
	Repository, Tag string

	Ref      string // as in a node, see FullRef
	ID       string
	Platform string // such as linux/amd64

	// Aliases are references with the digests that a registry gave the image. A chart
	// may use them in place of Ref.
	Aliases []string

	DiffIDs []string // digests of the uncompressed layers, lowest first
	Size    int64    // bytes
}

// NewImage converts an inspected image. ref is its reference as configured.
func NewImage(name, ref string, found *image.InspectResponse) Image {
	i := Image{
		Name: name, Ref: FullRef(ref), ID: found.ID, Platform: found.Os + "/" + found.Architecture,
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

// Aliases returns the references of an image from a registry, other than ref, that
// have a digest and the same repository. They are fully qualified.
func Aliases(ref string, found *image.InspectResponse) []string {
	var aliases []string
	full := FullRef(ref)
	for _, digested := range found.RepoDigests {
		if alias := FullRef(digested); alias != full && repositoryOf(alias) == repositoryOf(full) {
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

// Inspect returns the image with the reference, or nil if there is none.
func (e *Engine) Inspect(ctx context.Context, ref string) (*image.InspectResponse, error) {
	var found image.InspectResponse
	err := e.Call(ctx, func(ctx context.Context) (err error) {
		found, err = e.api.ImageInspect(ctx, withoutTag(ref))
		return err
	})
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inspect image %s: %w", ref, err)
	}
	return &found, nil
}
