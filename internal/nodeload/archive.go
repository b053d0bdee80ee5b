package nodeload

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"

	specs "github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// writeArchive writes a transfer's images as one OCI layout: every layer that
// the node needs once, and of each image the config and one manifest.
func (s *export) writeArchive(w io.Writer, t *transfer, meters transferProgress) error {
	archive := layoutWriter{tar: tar.NewWriter(w), written: map[string]bool{}}
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	for _, i := range t.images {
		image := s.images[i.Ref]
		if err := archive.image(i, image, t, meters); err != nil {
			return err
		}
		entry := image.manifest
		entry.Annotations = map[string]string{nameAnnotation: i.Ref, ocispecs.AnnotationRefName: i.Tag}
		index.Manifests = append(index.Manifests, entry)
	}
	return archive.end(index)
}

// A layoutWriter writes an OCI layout, each blob once.
type layoutWriter struct {
	tar     *tar.Writer
	written map[string]bool
}

func (a layoutWriter) image(i engine.Image, image exportedImage, t *transfer, meters transferProgress) error {
	for n, layer := range image.layers {
		if !t.needs(i, n, layer.Digest.String()) || a.written[blobName(layer.Digest)] {
			continue
		}
		if err := a.layer(layer, meters[i.Ref]); err != nil {
			return err
		}
	}
	if err := a.blob(image.config, image.configText); err != nil {
		return err
	}
	return a.blob(image.manifest, image.manifestText)
}

func (a layoutWriter) layer(layer exportedLayer, m *meter) error {
	if layer.write == nil {
		return fmt.Errorf("layer %s is needed but was not kept", layer.Digest)
	}
	name := blobName(layer.Digest)
	a.written[name] = true
	if err := engine.WriteTarHeader(a.tar, name, layer.Size); err != nil {
		return err
	}
	if err := layer.write(io.MultiWriter(a.tar, m)); err != nil {
		return fmt.Errorf("read layer %s: %w", layer.Digest, err)
	}
	return nil
}

func (a layoutWriter) blob(d ocispecs.Descriptor, text []byte) error {
	name := blobName(d.Digest)
	if a.written[name] {
		return nil
	}
	a.written[name] = true
	return engine.WriteTarFile(a.tar, name, text)
}

func (a layoutWriter) end(index ocispecs.Index) error {
	layout := ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion}
	for _, file := range []struct {
		name  string
		value any
	}{{ocispecs.ImageIndexFile, index}, {ocispecs.ImageLayoutFile, layout}} {
		text, err := json.Marshal(file.value)
		if err != nil {
			return err
		}
		if err := engine.WriteTarFile(a.tar, file.name, text); err != nil {
			return err
		}
	}
	return a.tar.Close()
}
