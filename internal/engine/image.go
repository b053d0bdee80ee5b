package engine

import (
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
)

// An Image is one that the engine has.
type Image struct {
	Name       string // as in the Set
	Repository string // as the chart names it
	Tag        string
	Ref        string // full, as a node names it
	ID         string // the engine's id
	Platform   string // linux/amd64

	DiffIDs []string // digests of the unpacked layers, lowest first
	Size    int64    // in bytes, as the engine says: of all layers
}

// NewImage returns the image that the engine has under a full reference.
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
