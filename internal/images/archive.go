package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"

	specs "github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// writeArchive writes a transfer's images as one OCI layout: every layer that
// the node needs once, and of each image the config and one manifest.
func (s *saved) writeArchive(w io.Writer, t *transfer, meters meters) error {
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

func (a layoutWriter) image(i Image, image savedImage, t *transfer, meters meters) error {
	for n, layer := range image.layers {
		if !t.needs(i, n, layer.Digest.String()) || a.written[blobName(layer.Digest)] {
			continue
		}
		if err := a.layer(layer, meters[i.Ref]); err != nil {
			return err
		}
	}
	if err := a.blob(image.config, bytes.NewReader(image.configText)); err != nil {
		return err
	}
	return a.blob(image.manifest, bytes.NewReader(image.manifestText))
}

func (a layoutWriter) layer(layer savedLayer, m *meter) error {
	file, err := layer.reader()
	if err != nil {
		return err
	}
	defer file.Close()
	return a.blob(layer.Descriptor, io.TeeReader(file, m))
}

func (a layoutWriter) blob(d ocispecs.Descriptor, from io.Reader) error {
	name := blobName(d.Digest)
	if a.written[name] {
		return nil
	}
	a.written[name] = true
	return writeFile(a.tar, name, d.Size, from)
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
		if err := writeFile(a.tar, file.name, int64(len(text)), bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return a.tar.Close()
}

// writeFile adds a file to an archive.
func writeFile(archive *tar.Writer, name string, size int64, from io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(archive, from)
	return err
}
