package deploy

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
)

// Images returns the images of the app and its smoke test that match the checkout
// at the first read. It fails if one is not built yet.
func (s *Session) Images(ctx context.Context) ([]engine.Image, error) {
	return s.images.Get(ctx, func(ctx context.Context) ([]engine.Image, error) {
		builder, set, err := s.builderAndImages(ctx)
		if err != nil {
			return nil, err
		}
		return builder.Resolve(ctx, set)
	})
}

// observeImages caches the images for Images if they match the checkout.
func (s *Session) observeImages(ctx context.Context) (images.Status, error) {
	builder, set, err := s.builderAndImages(ctx)
	if err != nil {
		return images.Status{}, err
	}
	s.Invalidate(Checkout)
	store := s.images.Storer()
	status, err := builder.Observe(ctx, set)
	if err != nil || len(status.Missing()) > 0 {
		return status, err
	}
	resolved, err := status.Resolved()
	if err == nil {
		store(resolved)
	}
	return status, err
}

// ensureImages caches the images for Images, even if a source file changes during
// the build.
func (s *Session) ensureImages(ctx context.Context, reporter event.Reporter) error {
	builder, set, err := s.builderAndImages(ctx)
	if err != nil {
		return err
	}
	built, err := builder.Ensure(ctx, set, reporter)
	s.Invalidate(Checkout)
	if err != nil {
		return err
	}
	s.images.Put(built)
	return nil
}

func (s *Session) builderAndImages(ctx context.Context) (*images.Builder, images.Set, error) {
	builder, err := s.Builder(ctx)
	if err != nil {
		return nil, images.Set{}, err
	}
	return builder, s.Workspace.AppImages(), nil
}

// platformTimeout bounds the wait for the engine's platform.
const platformTimeout = time.Second

// CheckContexts returns an error if a build context contains a credential. It does not
// need an engine, but reads the files for the engine's platform if it responds soon. The
// build stage checks again what it builds.
func (s *Session) CheckContexts(ctx context.Context) error {
	builds := s.Workspace.AppImages().Builds
	engineCtx, cancel := context.WithTimeout(ctx, platformTimeout)
	defer cancel()
	if e, err := s.Engine(engineCtx); err == nil {
		for i := range builds {
			builds[i].Platform = cmp.Or(builds[i].Platform, e.Platform())
		}
	}
	return inputs.CheckContexts(ctx, builds)
}

func (s *Session) engineImages(ctx context.Context, refs []string) (images.Status, error) {
	builder, err := s.Builder(ctx)
	if err != nil {
		return images.Status{}, err
	}
	var set images.Set
	for _, ref := range refs {
		set.Sources = append(set.Sources, images.Source{Name: ref, Ref: ref})
	}
	return builder.Observe(ctx, set)
}

// probeStatus reports whether the engine has the smoke test's image. Unlike Images,
// it works without the app's images.
func (s *Session) probeStatus(ctx context.Context) (images.Status, error) {
	return s.probe.Get(ctx, func(ctx context.Context) (images.Status, error) {
		builder, err := s.Builder(ctx)
		if err != nil {
			return images.Status{}, err
		}
		return builder.Observe(ctx, s.Workspace.probeImages())
	})
}

func (s *Session) ensureProbe(ctx context.Context, reporter event.Reporter) ([]engine.Image, error) {
	builder, err := s.Builder(ctx)
	if err != nil {
		return nil, err
	}
	defer s.probe.Invalidate()
	return builder.Ensure(ctx, s.Workspace.probeImages(), reporter)
}

func (s *Session) probeRef(ctx context.Context) (string, error) {
	all, known := s.images.Peek()
	if !known {
		status, err := s.probeStatus(ctx)
		if err != nil {
			return "", err
		}
		if all, err = status.Resolved(); err != nil {
			return "", err
		}
	}
	for _, image := range all {
		if image.Name == probeRepository || image.Repository == probeRepository {
			return image.Ref, nil
		}
	}
	return "", fmt.Errorf("image %s of the smoke test not found", probeRepository)
}

// Inventory returns which images are on which node.
func (s *Session) Inventory(ctx context.Context) (nodeload.Inventory, error) {
	return s.inventory.Get(ctx, func(ctx context.Context) (nodeload.Inventory, error) {
		all, err := s.Images(ctx)
		if err != nil {
			return nodeload.Inventory{}, err
		}
		nodes, err := s.imageNodes(ctx)
		if err != nil {
			return nodeload.Inventory{}, err
		}
		return nodeload.TakeInventory(ctx, nodes, all)
	})
}

func (s *Session) loadImages(ctx context.Context, reporter event.Reporter) error {
	inventory, err := s.Inventory(ctx)
	if err != nil {
		return err
	}
	return s.load(ctx, inventory, reporter)
}

func (s *Session) load(ctx context.Context, inventory nodeload.Inventory, reporter event.Reporter) error {
	e, err := s.Engine(ctx)
	if err != nil {
		return err
	}
	defer s.inventory.Invalidate()
	relay, err := s.probeRef(ctx)
	if err != nil {
		relay = "" // the engine then exports the images
	}
	return nodeload.NewLoader(e, nodeload.Options{RelayImage: relay}).Load(ctx, inventory, reporter)
}

func (s *Session) imageNodes(ctx context.Context) ([]nodeload.Node, error) {
	found, err := s.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]nodeload.Node, len(found))
	for i, n := range found {
		nodes[i] = n
	}
	return nodes, nil
}
