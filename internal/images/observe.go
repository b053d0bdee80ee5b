package images

import (
	"context"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Observe reports which images of the set the engine has.
func (b *Builder) Observe(ctx context.Context, set Set) (Status, error) {
	if err := set.check(); err != nil {
		return Status{}, err
	}
	results, err := b.newLookup().set(ctx, set)
	if err != nil {
		return Status{}, err
	}
	status := Status{bases: len(set.Bases)}
	for _, r := range results {
		status.Images = append(status.Images, r.status())
	}
	return status, nil
}

// Resolve observes the set and returns [Status.Resolved].
func (b *Builder) Resolve(ctx context.Context, set Set) ([]engine.Image, error) {
	set.Bases = nil
	status, err := b.Observe(ctx, set)
	if err != nil {
		return nil, err
	}
	return status.Resolved()
}
