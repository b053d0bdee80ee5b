package nodeload

import (
	"encoding/json"
	"io"
	"os"
	"path"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// saved are images as the nodes get them, without the layers that no node needs.
// The layers are files, so that memory does not grow with the images.
type export struct {
	dir    string                   // of files to remove afterwards; "" is none
	images map[string]exportedImage // by Image.Ref

	fromStore bool // and not from the engine
}

// A savedImage is an image as an OCI manifest with what it refers to.
type exportedImage struct {
	manifest     ocispecs.Descriptor
	manifestText []byte
	config       ocispecs.Descriptor
	configText   []byte
	layers       []exportedLayer
}

type exportedLayer struct {
	ocispecs.Descriptor
	write func(io.Writer) error // nil if no node needs it
}

// close removes the temporary files. A nil saved has none.
func (s *export) close() {
	if s != nil && s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// A dropFunc tells that a file of the engine's archive is a layer that no node
// needs, and the layer's digest.
type dropFunc func(name string) (digest.Digest, bool)

func texts(ids []digest.Digest) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// chainID names a layer on top of the layers below it; below is "" for the
// lowest.
func chainID(below, diffID string) string {
	if below == "" {
		return diffID
	}
	return digest.FromString(below + " " + diffID).String()
}

func describe(mediaType string, text []byte) ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

// layerOf is a layer that is not compressed, so that its digest is its diff ID.
func layerOf(diffID digest.Digest, size int64, write func(io.Writer) error) exportedLayer {
	return exportedLayer{ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: diffID, Size: size}, write}
}

// imageOf is an image that comes without a manifest: from its config, as text and
// parsed, and its layers from the lowest.
func imageOf(text []byte, config ocispecs.Image, layer func(n int, diffID digest.Digest) (exportedLayer, error)) (exportedImage, error) {
	image := exportedImage{configText: text, config: describe(ocispecs.MediaTypeImageConfig, text)}
	for n, diffID := range config.RootFS.DiffIDs {
		l, err := layer(n, diffID)
		if err != nil {
			return exportedImage{}, err
		}
		image.layers = append(image.layers, l)
	}
	return image, image.makeManifest(config.Platform)
}

func (i *exportedImage) makeManifest(platform ocispecs.Platform) error {
	manifest := ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispecs.MediaTypeImageManifest,
		Config:    i.config,
		Layers:    []ocispecs.Descriptor{},
	}
	for _, layer := range i.layers {
		manifest.Layers = append(manifest.Layers, layer.Descriptor)
	}
	text, err := json.Marshal(manifest)
	i.manifestText, i.manifest = text, describe(ocispecs.MediaTypeImageManifest, text)
	i.manifest.Platform = &platform
	return err
}

func blobName(d digest.Digest) string {
	return path.Join(ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// nameAnnotation carries an image's full reference in the index of an OCI
// layout, as containerd and Docker write and read it.
const nameAnnotation = "io.containerd.image.name"
