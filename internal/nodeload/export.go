package nodeload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/platforms"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// save has the engine write out the images that the transfers need.
func (l *Loader) save(ctx context.Context, transfers []*transfer) (*export, error) {
	images := imagesOf(transfers)
	dir, err := os.MkdirTemp(l.options.TempDir, "tkdeploy-load-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for layers: %w", err)
	}
	s := &export{dir: dir, images: map[string]exportedImage{}}
	if err := l.fill(ctx, s, images, dropper(transfers, images)); err != nil {
		s.close()
		if errors.Is(err, syscall.ENOSPC) {
			return nil, fault.New(fault.Load, err, "the disk of "+l.options.TempDir+" is full: make room or set TMPDIR")
		}
		return nil, err
	}
	return s, nil
}

func (l *Loader) fill(ctx context.Context, s *export, images []engine.Image, drop dropFunc) error {
	stream, err := l.engine.API().ImageSave(ctx, refsOf(images), l.saveOptions(images)...)
	if err != nil {
		return fmt.Errorf("save the images from the engine: %w", err)
	}
	defer stream.Close()
	files, err := spool(stream, s.dir, drop)
	if err != nil {
		return fmt.Errorf("save the images from the engine: %w", err)
	}
	for _, i := range images {
		image, err := files.image(i)
		if err != nil {
			return fmt.Errorf("read image %s as the engine saved it: %w", i.Ref, err)
		}
		s.images[i.Ref] = image
	}
	return nil
}

// saveOptions names the platform where the engine understands it: with the
// containerd store an image may list platforms whose contents are not here,
// and a save of all of them fails (kind#3795).
func (l *Loader) saveOptions(images []engine.Image) []client.ImageSaveOption {
	if versions.LessThan(l.engine.API().ClientVersion(), "1.48") {
		return nil
	}
	platform := images[0].Platform
	mixed := slices.ContainsFunc(images, func(i engine.Image) bool { return i.Platform != platform })
	parsed, err := platforms.Parse(platform)
	if mixed || err != nil {
		return nil
	}
	return []client.ImageSaveOption{client.ImageSaveWithPlatforms(parsed)}
}

// imagesOf lists each image that some node lacks once.
func imagesOf(transfers []*transfer) []engine.Image {
	var images []engine.Image
	for _, t := range transfers {
		for _, i := range t.images {
			if !hasRef(images, i.Ref) {
				images = append(images, i)
			}
		}
	}
	return images
}

func refsOf(images []engine.Image) []string {
	refs := make([]string, len(images))
	for i := range images {
		refs[i] = images[i].Ref
	}
	return refs
}

// dropper knows the layers that need not be kept. In an archive with an OCI
// layout a layer's digest is its name; in the older format its folder is named
// by a hash of the layers up to it.
func dropper(transfers []*transfer, images []engine.Image) dropFunc {
	useless := map[string]bool{}
	for _, i := range images {
		for n, diffID := range i.DiffIDs {
			needed := func(t *transfer) bool { return t.needs(i, n, diffID) }
			if _, seen := useless[diffID]; !seen {
				useless[diffID] = true
			}
			if slices.ContainsFunc(transfers, needed) {
				useless[diffID] = false
			}
		}
	}
	legacy := map[string]string{}
	for _, i := range images {
		for _, zone := range []*time.Location{time.UTC, time.Local} { // the engine's is not known
			for n, id := range legacyIDs(i.DiffIDs, zone) {
				legacy[id] = i.DiffIDs[n]
			}
		}
	}
	return func(name string) (digest.Digest, bool) {
		id := ""
		if hex, found := strings.CutPrefix(name, ocispecs.ImageBlobsDir+"/sha256/"); found {
			id = "sha256:" + hex
		} else if folder, found := strings.CutSuffix(name, "/layer.tar"); found {
			id = legacy[folder]
		}
		return digest.Digest(id), useless[id] || everywhere(transfers, id)
	}
}

// everywhere reports that all nodes have the blob in their content stores.
func everywhere(transfers []*transfer, blob string) bool {
	lacks := func(t *transfer) bool { return !t.have.blobs[blob] }
	return blob != "" && !slices.ContainsFunc(transfers, lacks)
}
