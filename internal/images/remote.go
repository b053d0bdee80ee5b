package images

import (
	"context"
	"slices"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// An Outside is where an image from outside can be had.
type RemoteStatus struct {
	Source   Source
	Registry string // docker.io
	Local    bool   // the engine has it
	Err      error  // why the registry would not give it; nil if it would
}

// Outside tells for each source, and once for each reference, whether the engine
// has it and, if not, whether the engine gets it from its registry: it is asked
// for the image's manifest, as a pull begins. Nothing is pulled. A registry that
// is silent when ctx ends cannot be reached.
func (b *Builder) CheckRemote(ctx context.Context, sources []Source) ([]RemoteStatus, error) {
	var once []Source
	for _, s := range sources {
		if !slices.ContainsFunc(once, func(o Source) bool { return engine.FullRef(o.Ref) == engine.FullRef(s.Ref) }) {
			once = append(once, s)
		}
	}
	found := make([]RemoteStatus, len(once))
	var work []func() error
	for i, s := range once {
		work = append(work, func() (err error) {
			found[i], err = b.outside(ctx, s)
			return err
		})
	}
	return found, sideBySide(work...)
}

func (b *Builder) outside(ctx context.Context, s Source) (RemoteStatus, error) {
	if err := engine.CheckRef(s.Ref); err != nil {
		return RemoteStatus{}, err
	}
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		return RemoteStatus{}, err
	}
	o := RemoteStatus{Source: s, Registry: reference.Domain(named)}
	here, err := b.engine.Inspect(ctx, s.Ref)
	if o.Local = here != nil; err != nil || o.Local {
		return o, err
	}
	header, err := b.engine.Auth().Header(named)
	if err != nil {
		return o, err
	}
	if _, err := b.engine.API().DistributionInspect(ctx, reference.TagNameOnly(named).String(), header); err != nil {
		o.Err, _ = classifyPullError(o.Registry, err)
	}
	return o, nil
}
