package images

import (
	"context"
	"errors"
	"slices"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// RemoteStatus reports where an external image is available.
type RemoteStatus struct {
	Source   Source
	Registry string
	Local    bool  // the engine has the image
	Err      error // why the registry cannot serve it, if queried
}

// CheckRemote reports, for each distinct source, whether the engine has the
// image or could pull it. It pulls nothing. A registry that does not respond
// before the deadline of ctx counts as unreachable.
func (b *Builder) CheckRemote(ctx context.Context, sources []Source) ([]RemoteStatus, error) {
	var distinct []Source
	for _, s := range sources {
		if !slices.ContainsFunc(distinct, func(o Source) bool { return engine.FullRef(o.Ref) == engine.FullRef(s.Ref) }) {
			distinct = append(distinct, s)
		}
	}
	statuses := make([]RemoteStatus, len(distinct))
	var work []func() error
	for i, s := range distinct {
		work = append(work, func() (err error) {
			statuses[i], err = b.checkRemote(ctx, s)
			return err
		})
	}
	return statuses, inParallel(work...)
}

func (b *Builder) checkRemote(ctx context.Context, s Source) (RemoteStatus, error) {
	if err := engine.CheckRef(s.Ref); err != nil {
		return RemoteStatus{}, err
	}
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		return RemoteStatus{}, err
	}
	status := RemoteStatus{Source: s, Registry: reference.Domain(named)}
	found, err := b.engine.Inspect(ctx, s.Ref)
	if status.Local = found != nil; err != nil || status.Local {
		return status, err
	}
	header, err := b.engine.Auth().Header(ctx, named)
	if err != nil {
		return status, err
	}
	_, err = b.engine.API().DistributionInspect(ctx, engine.FullRef(s.Ref), header)
	if errors.Is(ctx.Err(), context.Canceled) {
		return status, context.Cause(ctx)
	}
	if err != nil {
		status.Err, _ = b.classify(status.Registry, err)
	}
	return status, nil
}
