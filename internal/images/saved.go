package images

import (
	"context"
	"errors"
	"fmt"
	"io"
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

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// saved are images as the nodes get them, without the layers that no node needs.
// The layers are files, so that memory does not grow with the images.
type saved struct {
	dir    string                // of files to remove afterwards; "" is none
	images map[string]savedImage // by Image.Ref

	fromStore bool // and not from the engine
}

// A savedImage is an image as an OCI manifest with what it refers to.
type savedImage struct {
	manifest     ocispecs.Descriptor
	manifestText []byte
	config       ocispecs.Descriptor
	configText   []byte
	layers       []savedLayer
}

type savedLayer struct {
	ocispecs.Descriptor
	write func(io.Writer) error // nil if no node needs it
}

// close removes the temporary files. A nil saved has none.
func (s *saved) close() {
	if s != nil && s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// save has the engine write out the images that the transfers need.
func (e *Engine) save(ctx context.Context, transfers []*transfer) (*saved, error) {
	images := imagesOf(transfers)
	dir, err := os.MkdirTemp(e.options.TempDir, "tkdeploy-load-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for layers: %w", err)
	}
	s := &saved{dir: dir, images: map[string]savedImage{}}
	if err := e.fill(ctx, s, images, dropper(transfers, images)); err != nil {
		s.close()
		if errors.Is(err, syscall.ENOSPC) {
			return nil, fault.New(fault.Load, err, "the disk of "+e.options.TempDir+" is full: make room or set TMPDIR")
		}
		return nil, err
	}
	return s, nil
}

func (e *Engine) fill(ctx context.Context, s *saved, images []Image, drop dropFunc) error {
	stream, err := e.api.ImageSave(ctx, refsOf(images), e.saveOptions(images)...)
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
func (e *Engine) saveOptions(images []Image) []client.ImageSaveOption {
	if versions.LessThan(e.api.ClientVersion(), "1.48") {
		return nil
	}
	platform := images[0].Platform
	mixed := slices.ContainsFunc(images, func(i Image) bool { return i.Platform != platform })
	parsed, err := platforms.Parse(platform)
	if mixed || err != nil {
		return nil
	}
	return []client.ImageSaveOption{client.ImageSaveWithPlatforms(parsed)}
}

// imagesOf lists each image that some node lacks once.
func imagesOf(transfers []*transfer) []Image {
	var images []Image
	for _, t := range transfers {
		for _, i := range t.images {
			if !slices.ContainsFunc(images, i.same) {
				images = append(images, i)
			}
		}
	}
	return images
}

func refsOf(images []Image) []string {
	refs := make([]string, len(images))
	for i := range images {
		refs[i] = images[i].Ref
	}
	return refs
}

// A dropFunc tells that a file of the engine's archive is a layer that no node
// needs, and the layer's digest.
type dropFunc func(name string) (digest.Digest, bool)

// dropper knows the layers that need not be kept. In an archive with an OCI
// layout a layer's digest is its name; in the older format its folder is named
// by a hash of the layers up to it.
func dropper(transfers []*transfer, images []Image) dropFunc {
	useless := map[string]bool{}
	for _, i := range images {
		for n, diffID := range i.diffIDs {
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
			for n, id := range legacyIDs(i.diffIDs, zone) {
				legacy[id] = i.diffIDs[n]
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
