package nodeload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

type fakeImage struct {
	ref    string
	layers [][]byte
}

func (i fakeImage) config() []byte {
	image := ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}, RootFS: ocispecs.RootFS{Type: "layers"}}
	for _, layer := range i.layers {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(layer))
	}
	image.Author = i.ref
	text, _ := json.Marshal(image)
	return text
}

func (i fakeImage) image() engine.Image {
	image := engine.Image{Name: i.ref, Ref: engine.FullRef(i.ref), ID: digest.FromBytes(i.config()).String(), Platform: "linux/amd64"}
	_, image.Tag, _ = strings.Cut(i.ref, ":")
	for _, layer := range i.layers {
		image.DiffIDs = append(image.DiffIDs, digest.FromBytes(layer).String())
	}
	return image
}

// legacyArchive imitates Docker 20.10: directories sorted by name, repeated
// layers as links, manifest.json last.
func legacyArchive(images []fakeImage) map[string]any {
	files := map[string]any{"repositories": []byte("{}")}
	var manifest []map[string]any
	first := map[string]string{}
	for _, i := range images {
		config := digest.FromBytes(i.config()).Encoded() + ".json"
		files[config] = i.config()
		dirs := append(legacyIDs(i.image().DiffIDs, time.UTC), digest.FromBytes(i.config()).Encoded())
		var layers []string
		for n, layer := range i.layers {
			name := dirs[n] + "/layer.tar"
			layers = append(layers, name)
			files[dirs[n]+"/VERSION"], files[dirs[n]+"/json"] = []byte("1.0"), []byte("{}")
			diffID := i.image().DiffIDs[n]
			if before, found := first[diffID]; found && before != name {
				files[name] = "../" + before
				continue
			}
			first[diffID], files[name] = name, layer
		}
		manifest = append(manifest, map[string]any{"Config": config, "RepoTags": []string{i.ref}, "Layers": layers})
	}
	files["manifest.json"], _ = json.Marshal(manifest)
	return files
}

// layoutArchive imitates Docker 25 and later. With the containerd store, layers
// are compressed and the index lists an attestation.
func layoutArchive(images []fakeImage, compressed bool) map[string]any {
	files := map[string]any{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	put := func(mediaType string, text []byte) ocispecs.Descriptor {
		d := descriptorOf(mediaType, text)
		files[blobName(d.Digest)] = text
		return d
	}
	var top ocispecs.Index
	for _, i := range images {
		manifest := ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest, Config: put(ocispecs.MediaTypeImageConfig, i.config())}
		for _, layer := range i.layers {
			mediaType := ocispecs.MediaTypeImageLayer
			if compressed {
				mediaType, layer = ocispecs.MediaTypeImageLayerGzip, gzipped(layer)
			}
			manifest.Layers = append(manifest.Layers, put(mediaType, layer))
		}
		text, _ := json.Marshal(manifest)
		entry := put(ocispecs.MediaTypeImageManifest, text)
		if compressed {
			entry.Platform = &ocispecs.Platform{OS: "linux", Architecture: "amd64"}
			attestation := put(ocispecs.MediaTypeImageManifest, []byte(`{"config":{}}`))
			attestation.Platform = &ocispecs.Platform{OS: "unknown", Architecture: "unknown"}
			text, _ = json.Marshal(ocispecs.Index{Manifests: []ocispecs.Descriptor{attestation, entry}})
			entry = put(ocispecs.MediaTypeImageIndex, text)
		}
		if compressed || !strings.Contains(i.ref, "@") { // the classic store has no names with digests
			entry.Annotations = map[string]string{nameAnnotation: engine.FullRef(i.ref)}
		}
		top.Manifests = append(top.Manifests, entry)
	}
	files["index.json"], _ = json.Marshal(top)
	files["manifest.json"] = []byte("[]")
	return files
}

func gzipped(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text)
	_ = w.Close()
	return out.Bytes()
}

var formats = map[string]func([]fakeImage) map[string]any{
	"Docker 20.10":                        legacyArchive,
	"Docker 25 with the classic store":    func(i []fakeImage) map[string]any { return layoutArchive(i, false) },
	"Docker 29 with the containerd store": func(i []fakeImage) map[string]any { return layoutArchive(i, true) },
}

func serve(t *testing.T, f *enginetest.Fake, format func([]fakeImage) map[string]any, images ...fakeImage) {
	f.Archive = func(w io.Writer, names []string) {
		var requested []fakeImage
		for _, i := range images {
			if slices.Contains(names, engine.FullRef(i.ref)) {
				requested = append(requested, i)
			}
		}
		if err := writeTar(w, format(requested)); err != nil {
			t.Logf("write the archive: %v", err)
		}
	}
}

func writeTar(w io.Writer, files map[string]any) error {
	archive := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Mode: 0o644}
		text, regular := files[name].([]byte)
		if regular {
			header.Size = int64(len(text))
		} else {
			header.Typeflag, header.Linkname = tar.TypeSymlink, fmt.Sprint(files[name])
			if path.IsAbs(header.Linkname) {
				return fmt.Errorf("absolute link %s", header.Linkname)
			}
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	return archive.Close()
}
