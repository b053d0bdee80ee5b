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

// writeArchive writes an OCI layout without the layers that the node has.
func (e *export) writeArchive(w io.Writer, t *transfer, progress transferProgress) error {
	archive := layoutWriter{tar: tar.NewWriter(w), written: map[string]bool{}}
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	for _, i := range t.images {
		image := e.images[i.Ref]
		if err := archive.image(i, image, t, progress); err != nil {
			return err
		}
		entry := image.manifest
		entry.Annotations = map[string]string{nameAnnotation: i.Ref, ocispecs.AnnotationRefName: i.Tag}
		index.Manifests = append(index.Manifests, entry)
	}
	return archive.close(index)
}

// layoutWriter writes each blob of an OCI layout once.
type layoutWriter struct {
	tar     *tar.Writer
	written map[string]bool
}

func (w layoutWriter) image(i engine.Image, image exportedImage, t *transfer, progress transferProgress) error {
	for n, layer := range image.layers {
		if !t.needs(i, n, layer.descriptor.Digest.String()) || w.written[blobName(layer.descriptor.Digest)] {
			continue
		}
		if err := w.layer(layer, progress[i.Ref]); err != nil {
			return err
		}
	}
	if err := w.blob(image.config, image.configText); err != nil {
		return err
	}
	return w.blob(image.manifest, image.manifestText)
}

func (w layoutWriter) layer(layer exportedLayer, m *meter) error {
	if layer.write == nil {
		return fmt.Errorf("layer %s is needed but was not exported", layer.descriptor.Digest)
	}
	name := blobName(layer.descriptor.Digest)
	w.written[name] = true
	if err := engine.WriteTarHeader(w.tar, name, layer.descriptor.Size); err != nil {
		return err
	}
	if err := layer.write(io.MultiWriter(w.tar, m)); err != nil {
		return fmt.Errorf("read layer %s: %w", layer.descriptor.Digest, err)
	}
	return nil
}

func (w layoutWriter) blob(d ocispecs.Descriptor, text []byte) error {
	name := blobName(d.Digest)
	if w.written[name] {
		return nil
	}
	w.written[name] = true
	return engine.WriteTarFile(w.tar, name, text)
}

func (w layoutWriter) close(index ocispecs.Index) error {
	layout := ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion}
	for _, file := range []struct {
		name  string
		value any
	}{{ocispecs.ImageIndexFile, index}, {ocispecs.ImageLayoutFile, layout}} {
		text, err := json.Marshal(file.value)
		if err != nil {
			return err
		}
		if err := engine.WriteTarFile(w.tar, file.name, text); err != nil {
			return err
		}
	}
	return w.tar.Close()
}
