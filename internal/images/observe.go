package images

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Observe tells which images of the set the engine has. It changes nothing.
func (b *Builder) Observe(ctx context.Context, set Set) (Status, error) {
	if err := set.check(); err != nil {
		return Status{}, err
	}
	found, err := b.newLookup().set(ctx, set)
	if err != nil {
		return Status{}, err
	}
	status := Status{bases: len(set.Bases)}
	for _, f := range found {
		status.Images = append(status.Images, f.presence())
	}
	return status, nil
}

// Resolve is [Status.Resolved] of the set as it is now.
func (b *Builder) Resolve(ctx context.Context, set Set) ([]engine.Image, error) {
	set.Bases = nil
	status, err := b.Observe(ctx, set)
	if err != nil {
		return nil, err
	}
	return status.Resolved()
}
