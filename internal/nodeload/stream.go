package nodeload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// exportTimeout is long, because Docker before 25 copies all layers of an image to a
// temporary directory before it sends the first.
const exportTimeout = 10 * time.Minute

var errExportStalled = errors.New("no data")

// stallGuard cancels its context if the engine sends nothing for a while.
type stallGuard struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func newStallGuard(ctx context.Context, timeout time.Duration) *stallGuard {
	g := &stallGuard{timeout: timeout}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	g.timer = time.AfterFunc(timeout, func() { g.cancel(errExportStalled) })
	return g
}

func (g *stallGuard) active() { g.timer.Reset(g.timeout) }

func (g *stallGuard) stop() {
	g.timer.Stop()
	g.cancel(context.Canceled)
}

func (g *stallGuard) explain(err error) error {
	if err != nil && errors.Is(context.Cause(g.ctx), errExportStalled) {
		return fault.New(fault.Load, fmt.Errorf("%w from the engine within %s", errExportStalled, g.timeout), "restart the engine: sudo systemctl restart docker, or Docker Desktop")
	}
	return err
}

// archiveStream is the engine's archive of images.
type archiveStream struct {
	body  io.ReadCloser
	guard *stallGuard
}

func (l *Loader) openArchive(ctx context.Context, images []engine.Image) (io.ReadCloser, error) {
	guard := newStallGuard(ctx, l.options.ExportTimeout)
	body, err := l.engine.API().ImageSave(guard.ctx, refs(images), l.exportOptions(images)...) //nolint:contextcheck // derived from ctx
	if err != nil {
		guard.stop()
		return nil, guard.explain(err)
	}
	return &archiveStream{body, guard}, nil
}

// Read implements [io.Reader].
func (s *archiveStream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err == nil {
		s.guard.active()
	}
	return n, s.guard.explain(err)
}

// Close implements [io.Closer].
func (s *archiveStream) Close() error {
	s.guard.stop()
	return s.body.Close()
}
