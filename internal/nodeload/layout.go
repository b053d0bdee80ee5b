package nodeload

import (
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// layoutImage reads an OCI layout, the format since Docker 25. With the
// containerd store, layers may be compressed, and the entry may be an index
// with other platforms and attestations.
func (s spooled) layoutImage(i engine.Image) (exportedImage, []string, error) {
	var index ocispecs.Index
	if _, err := s.decode("index.json", &index); err != nil {
		return exportedImage{}, nil, err
	}
	for _, entry := range index.Manifests {
		if entry.Annotations[nameAnnotation] == i.Ref || entry.Digest.String() == i.ID || s.configID(entry) == i.ID {
			return s.layoutEntry(entry, i.Platform)
		}
	}
	return exportedImage{}, nil, fmt.Errorf("image %s is not in the archive", i.Ref)
}

// configID returns the ID of the image in the classic store, whose archive has no
// names of images that were requested by digest.
func (s spooled) configID(entry ocispecs.Descriptor) string {
	var manifest ocispecs.Manifest
	if _, err := s.decode(blobName(entry.Digest), &manifest); err != nil {
		return ""
	}
	return manifest.Config.Digest.String()
}

func (s spooled) layoutEntry(entry ocispecs.Descriptor, platform string) (exportedImage, []string, error) {
	entry, err := s.onePlatform(entry, platform)
	if err != nil {
		return exportedImage{}, nil, err
	}
	var manifest ocispecs.Manifest
	text, err := s.decode(blobName(entry.Digest), &manifest)
	if err != nil {
		return exportedImage{}, nil, err
	}
	var config ocispecs.Image
	configText, err := s.decode(blobName(manifest.Config.Digest), &config)
	if err != nil {
		return exportedImage{}, nil, err
	}
	image := exportedImage{
		manifest:     ocispecs.Descriptor{MediaType: entry.MediaType, Digest: entry.Digest, Size: entry.Size, Platform: &config.Platform},
		manifestText: text,
		config:       manifest.Config,
		configText:   configText,
	}
	for _, layer := range manifest.Layers {
		file, err := s.find(blobName(layer.Digest))
		if err != nil {
			return exportedImage{}, nil, err
		}
		image.layers = append(image.layers, exportedLayer{descriptor: layer, write: file.write()})
	}
	return image, digestStrings(config.RootFS.DiffIDs), nil
}

func (s spooled) onePlatform(entry ocispecs.Descriptor, platform string) (ocispecs.Descriptor, error) {
	if !strings.Contains(entry.MediaType, "index") && !strings.Contains(entry.MediaType, "manifest.list") {
		return entry, nil
	}
	want, err := platforms.Parse(platform)
	if err != nil {
		return entry, err
	}
	var index ocispecs.Index
	if _, err := s.decode(blobName(entry.Digest), &index); err != nil {
		return entry, err
	}
	matches := platforms.OnlyStrict(want)
	for _, manifest := range index.Manifests {
		if manifest.Platform != nil && matches.Match(*manifest.Platform) {
			return s.onePlatform(manifest, platform)
		}
	}
	return entry, fmt.Errorf("no content for platform %s", platform)
}
