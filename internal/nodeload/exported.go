package nodeload

import (
	"encoding/json"
	"io"
	"path"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// export holds images as nodes import them. Layers stay on disk, so memory use
// does not depend on their size.
type export struct {
	dir    *files.TempDir           // nil for none
	images map[string]exportedImage // by Image.Ref

	// replaceable means that the engine can export the images instead.
	replaceable bool
}

type exportedImage struct {
	manifest     ocispecs.Descriptor
	manifestText []byte
	config       ocispecs.Descriptor
	configText   []byte
	layers       []exportedLayer
}

type exportedLayer struct {
	descriptor ocispecs.Descriptor
	write      func(io.Writer) error // nil if no node needs the layer
}

func (e *export) close() {
	if e != nil && e.dir != nil {
		_ = e.dir.Remove() // else the next run does
	}
}

// dropFunc reports whether a file in the engine's archive is a layer that no
// node needs, and returns its digest.
type dropFunc func(name string) (digest.Digest, bool)

func digestStrings(ids []digest.Digest) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}

// chainID identifies a layer and all layers below it.
func chainID(below, diffID string) string {
	if below == "" {
		return diffID
	}
	return digest.FromString(below + " " + diffID).String()
}

func descriptorOf(mediaType string, text []byte) ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

// uncompressedLayer returns a layer whose digest is its diff ID.
func uncompressedLayer(diffID digest.Digest, size int64, write func(io.Writer) error) exportedLayer {
	return exportedLayer{ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: diffID, Size: size}, write}
}

func imageFromConfig(text []byte, config ocispecs.Image, layer func(n int, diffID digest.Digest) (exportedLayer, error)) (exportedImage, error) {
	image := exportedImage{configText: text, config: descriptorOf(ocispecs.MediaTypeImageConfig, text)}
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
		manifest.Layers = append(manifest.Layers, layer.descriptor)
	}
	text, err := json.Marshal(manifest)
	i.manifestText, i.manifest = text, descriptorOf(ocispecs.MediaTypeImageManifest, text)
	i.manifest.Platform = &platform
	return err
}

func blobName(d digest.Digest) string {
	return path.Join(ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// nameAnnotation holds the full reference in an OCI index, for Docker and
// containerd.
const nameAnnotation = "io.containerd.image.name"
