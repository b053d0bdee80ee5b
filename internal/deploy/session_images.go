package deploy

import (
	"context"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
)

// Images returns the images of the app and of its smoke test that match the
// checkout, as of the first read. It fails if one is not built yet.
func (s *Session) Images(ctx context.Context) ([]images.Image, error) {
	return s.images.get(ctx, func(ctx context.Context) ([]images.Image, error) {
		engine, set, err := s.engineAndImages(ctx)
		if err != nil {
			return nil, err
		}
		return engine.Resolve(ctx, set)
	})
}

// observeImages compares the engine's images with the checkout. If they match,
// it caches them for Images.
func (s *Session) observeImages(ctx context.Context) (images.Status, error) {
	engine, set, err := s.engineAndImages(ctx)
	if err != nil {
		return images.Status{}, err
	}
	s.Invalidate(Checkout)
	store := s.images.storer()
	status, err := engine.Observe(ctx, set)
	if err != nil || len(status.Missing()) > 0 {
		return status, err
	}
	resolved, err := status.Resolved()
	if err == nil {
		store(resolved)
	}
	return status, err
}

// ensureImages makes the images available and caches them for Images, even if a
// source file changes during the build.
func (s *Session) ensureImages(ctx context.Context, reporter event.Reporter) error {
	engine, set, err := s.engineAndImages(ctx)
	if err != nil {
		return err
	}
	built, err := engine.Ensure(ctx, set, reporter)
	s.Invalidate(Checkout)
	if err != nil {
		return err
	}
	s.images.put(built)
	return nil
}

func (s *Session) engineAndImages(ctx context.Context) (*images.Engine, images.Set, error) {
	engine, err := s.Engine(ctx)
	if err != nil {
		return nil, images.Set{}, err
	}
	set, err := s.Workspace.AppImages()
	return engine, set, err
}

// engineImages reports which of the references the engine has.
func (s *Session) engineImages(ctx context.Context, refs []string) (images.Status, error) {
	engine, err := s.Engine(ctx)
	if err != nil {
		return images.Status{}, err
	}
	var set images.Set
	for _, ref := range refs {
		set.Sources = append(set.Sources, images.Source{Name: ref, Ref: ref})
	}
	return engine.Observe(ctx, set)
}

// probeStatus reports whether the engine has the image of the smoke test. It is
// separate from Images, because the smoke test does not need images that match
// the checkout.
func (s *Session) probeStatus(ctx context.Context) (images.Status, error) {
	return s.probe.get(ctx, func(ctx context.Context) (images.Status, error) {
		engine, err := s.Engine(ctx)
		if err != nil {
			return images.Status{}, err
		}
		set, err := s.Workspace.probeImages()
		if err != nil {
			return images.Status{}, err
		}
		return engine.Observe(ctx, set)
	})
}

func (s *Session) ensureProbe(ctx context.Context, reporter event.Reporter) ([]images.Image, error) {
	engine, err := s.Engine(ctx)
	if err != nil {
		return nil, err
	}
	set, err := s.Workspace.probeImages()
	if err != nil {
		return nil, err
	}
	defer s.probe.invalidate()
	return engine.Ensure(ctx, set, reporter)
}

// probeRef returns the reference of the smoke test's image.
func (s *Session) probeRef(ctx context.Context) (string, error) {
	all, known := s.images.peek()
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

// Inventory returns which of the app's images are on which node.
func (s *Session) Inventory(ctx context.Context) (images.Inventory, error) {
	return s.inventory.get(ctx, func(ctx context.Context) (images.Inventory, error) {
		all, err := s.Images(ctx)
		if err != nil {
			return images.Inventory{}, err
		}
		nodes, err := s.imageNodes(ctx)
		if err != nil {
			return images.Inventory{}, err
		}
		return images.TakeInventory(ctx, nodes, all)
	})
}

func (s *Session) loadImages(ctx context.Context, reporter event.Reporter) error {
	inventory, err := s.Inventory(ctx)
	if err != nil {
		return err
	}
	return s.load(ctx, inventory, reporter)
}

func (s *Session) load(ctx context.Context, inventory images.Inventory, reporter event.Reporter) error {
	engine, err := s.Engine(ctx)
	if err != nil {
		return err
	}
	defer s.inventory.invalidate()
	return engine.Load(ctx, inventory, reporter)
}

func (s *Session) imageNodes(ctx context.Context) ([]images.Node, error) {
	found, err := s.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]images.Node, len(found))
	for i, n := range found {
		nodes[i] = n
	}
	return nodes, nil
}
