package nodeload

import (
	"context"
	"errors"
	"fmt"
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
	"tkdeploy.dev/tkdeploy/internal/files"
)

// tempPrefix starts the names of directories for exported layers.
const tempPrefix = "tkdeploy-load-"

func (l *Loader) export(ctx context.Context, transfers []*transfer) (*export, error) {
	images := distinctImages(transfers)
	dir, err := files.NewTempDir(l.options.TempDir, tempPrefix)
	if err != nil {
		return nil, fmt.Errorf("create a directory for layers: %w", err)
	}
	e := &export{dir: dir, images: map[string]exportedImage{}}
	if err := l.readExport(ctx, e, images, newDropFunc(transfers, images)); err != nil {
		e.close()
		if errors.Is(err, syscall.ENOSPC) {
			return nil, fault.New(fault.Load, err, "free some space in "+l.options.TempDir+" or set TMPDIR")
		}
		return nil, err
	}
	return e, nil
}

func (l *Loader) readExport(ctx context.Context, e *export, images []engine.Image, drop dropFunc) error {
	stream, err := l.openArchive(ctx, images)
	if err != nil {
		return fmt.Errorf("export images from the engine: %w", err)
	}
	defer stream.Close()
	archive, err := spool(stream, e.dir.Path, drop)
	if err != nil {
		return fmt.Errorf("export images from the engine: %w", err)
	}
	for _, i := range images {
		image, err := archive.image(i)
		if err != nil {
			return fmt.Errorf("read exported image %s: %w", i.Ref, err)
		}
		e.images[i.Ref] = image
	}
	return nil
}

// exportOptions selects the platform if possible. In the containerd store,
// images may list platforms without content, whose export fails (kind#3795).
func (l *Loader) exportOptions(images []engine.Image) []client.ImageSaveOption {
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

func distinctImages(transfers []*transfer) []engine.Image {
	var images []engine.Image
	for _, t := range transfers {
		for _, i := range t.images {
			if !containsRef(images, i.Ref) {
				images = append(images, i)
			}
		}
	}
	return images
}

func refs(images []engine.Image) []string {
	refs := make([]string, len(images))
	for i := range images {
		refs[i] = images[i].Ref
	}
	return refs
}

// newDropFunc recognizes layers by name: their digest in an OCI layout, a hash
// of the layers up to them in the older format.
func newDropFunc(transfers []*transfer, images []engine.Image) dropFunc {
	unneeded := map[string]bool{}
	for _, i := range images {
		for n, diffID := range i.DiffIDs {
			needed := func(t *transfer) bool { return t.needs(i, n, diffID) }
			if _, seen := unneeded[diffID]; !seen {
				unneeded[diffID] = true
			}
			if slices.ContainsFunc(transfers, needed) {
				unneeded[diffID] = false
			}
		}
	}
	legacy := map[string]string{}
	for _, i := range images {
		for _, zone := range []*time.Location{time.UTC, time.Local} { // the engine's time zone is unknown
			for n, id := range legacyIDs(i.DiffIDs, zone) {
				legacy[id] = i.DiffIDs[n]
			}
		}
	}
	return func(name string) (digest.Digest, bool) {
		id := ""
		if hex, found := strings.CutPrefix(name, ocispecs.ImageBlobsDir+"/sha256/"); found {
			id = "sha256:" + hex
		} else if dir, found := strings.CutSuffix(name, "/layer.tar"); found {
			id = legacy[dir]
		}
		return digest.Digest(id), unneeded[id] || onAllNodes(transfers, id)
	}
}

func onAllNodes(transfers []*transfer, blob string) bool {
	lacks := func(t *transfer) bool { return !t.have.blobs[blob] }
	return blob != "" && !slices.ContainsFunc(transfers, lacks)
}
