package nodeload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/nodeload/push"
	"tkdeploy.dev/tkdeploy/internal/nodeload/registry"
)

// errUnreachable means that the engine cannot reach the registry: it has another
// network, as in a virtual machine, and no relay.
var errUnreachable = errors.New("the engine cannot reach the registry")

// pusher gets images from an engine with the containerd image store. `docker save`
// of such an engine writes all layers; a push sends only those that a registry lacks.
type pusher struct {
	loader  *Loader
	listens []listen
}

// listen makes a registry available to the engine.
type listen func(context.Context, *registry.Registry) (registry.Endpoint, error)

// pusher returns nil if the engine has the classic store, which compresses all layers
// for a push.
func (l *Loader) pusher(ctx context.Context) *pusher {
	info, err := l.engine.Info(ctx)
	if err != nil || !info.Containerd {
		return nil
	}
	p := &pusher{loader: l}
	if info.Local {
		p.listens = append(p.listens, registry.Listen)
	}
	if image := l.options.RelayImage; image != "" {
		p.listens = append(p.listens, func(ctx context.Context, r *registry.Registry) (registry.Endpoint, error) {
			at, err := push.Relay(ctx, l.engine, image, r)
			if err != nil {
				err = fmt.Errorf("%w: %w", errUnreachable, err)
			}
			return at, err
		})
	}
	return p
}

// export tries each way to make a registry available, until the engine reaches one.
func (p *pusher) export(ctx context.Context, transfers []*transfer) (*export, error) {
	for len(p.listens) > 0 {
		e, err := p.exportTo(ctx, p.listens[0], transfers)
		if !errors.Is(err, errUnreachable) {
			return e, err
		}
		p.listens = p.listens[1:]
	}
	return nil, errUnreachable
}

func (p *pusher) exportTo(ctx context.Context, listen listen, transfers []*transfer) (*export, error) {
	dir, err := files.NewTempDir(p.loader.options.TempDir, tempPrefix)
	if err != nil {
		return nil, fmt.Errorf("create a directory for layers: %w", err)
	}
	e := &export{dir: dir, images: map[string]exportedImage{}, replaceable: true}
	guard := newStallGuard(ctx, p.loader.options.ExportTimeout)
	defer guard.stop()
	if err := p.receive(guard, listen, e, transfers); err != nil {
		e.close()
		return nil, guard.explain(err)
	}
	return e, nil
}

// receive has each image pushed twice: first its manifest, which names the blobs, then
// its config and the layers that a node needs.
func (p *pusher) receive(guard *stallGuard, listen listen, e *export, transfers []*transfer) error {
	images := distinctImages(transfers)
	token := push.NewToken()
	r := registry.New(e.dir.Path, token, guard.active)
	at, err := listen(guard.ctx, r)
	if err != nil {
		return err
	}
	defer at.Close()
	session, err := push.Open(guard.ctx, p.loader.engine, at, token, distinctIDs(images))
	if err != nil {
		return err
	}
	defer session.Close(guard.ctx)
	var sweep sync.WaitGroup
	defer sweep.Wait()
	sweep.Go(func() { session.Sweep(guard.ctx) })
	if err := session.Push(guard.ctx); err != nil {
		if !r.Reached() && guard.ctx.Err() == nil {
			err = errUnreachable
		}
		return err
	}
	var manifests []ocispecs.Manifest
	for _, i := range images {
		manifest, err := received(r).manifest(r, session.Tag(i), i)
		if err != nil {
			return fmt.Errorf("read pushed image %s: %w", i.Ref, err)
		}
		require(r, i, manifest, transfers)
		manifests = append(manifests, manifest)
	}
	if err := session.Push(guard.ctx); err != nil {
		return err
	}
	archive := received(r)
	for n, i := range images {
		archive.addDropped(manifests[n].Layers)
		root, _ := r.Root(session.Tag(i))
		image, diffIDs, err := archive.layoutEntry(root, i.Platform)
		if err == nil && !slices.Equal(diffIDs, i.DiffIDs) {
			err = errMoved
		}
		if err != nil {
			return fmt.Errorf("read pushed image %s: %w", i.Ref, err)
		}
		e.images[i.Ref] = image
	}
	return nil
}

func distinctIDs(images []engine.Image) []engine.Image {
	var distinct []engine.Image
	for _, i := range images {
		if !slices.ContainsFunc(distinct, func(d engine.Image) bool { return d.ID == i.ID }) {
			distinct = append(distinct, i)
		}
	}
	return distinct
}

// require makes the registry accept the image's config and the layers that a node needs.
func require(r *registry.Registry, i engine.Image, manifest ocispecs.Manifest, transfers []*transfer) {
	r.Require(manifest.Config.Digest)
	for n, layer := range manifest.Layers {
		needed := func(t *transfer) bool { return containsRef(t.images, i.Ref) && t.needs(i, n, layer.Digest.String()) }
		if slices.ContainsFunc(transfers, needed) {
			r.Require(layer.Digest)
		}
	}
}

func received(r *registry.Registry) spooled {
	s := spooled{}
	for d, blob := range r.Blobs() {
		s[blobName(d)] = spooledFile{digest: d, size: blob.Size, path: blob.Path}
	}
	return s
}

// manifest reads the image's manifest for its platform.
func (s spooled) manifest(r *registry.Registry, tag string, i engine.Image) (manifest ocispecs.Manifest, err error) {
	root, found := r.Root(tag)
	if !found {
		return manifest, errors.New("the engine pushed no manifest")
	}
	if root, err = s.onePlatform(root, i.Platform); err != nil {
		return manifest, err
	}
	if _, err = s.decode(blobName(root.Digest), &manifest); err != nil {
		return manifest, err
	}
	if len(manifest.Layers) != len(i.DiffIDs) {
		err = fmt.Errorf("it has %d layers, want %d", len(manifest.Layers), len(i.DiffIDs))
	}
	return manifest, err
}

// addDropped adds the layers that the nodes have.
func (s spooled) addDropped(layers []ocispecs.Descriptor) {
	for _, layer := range layers {
		if _, found := s[blobName(layer.Digest)]; !found {
			s[blobName(layer.Digest)] = spooledFile{digest: layer.Digest, size: layer.Size}
		}
	}
}
