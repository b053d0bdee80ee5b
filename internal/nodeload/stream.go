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

// archiveStream is the engine's archive of images. A read fails if the engine sends
// nothing for a while.
type archiveStream struct {
	body    io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func (l *Loader) openArchive(ctx context.Context, images []engine.Image) (io.ReadCloser, error) {
	s := &archiveStream{timeout: l.options.ExportTimeout}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.timer = time.AfterFunc(s.timeout, func() { s.cancel(errExportStalled) })
	body, err := l.engine.API().ImageSave(s.ctx, refs(images), l.exportOptions(images)...) //nolint:contextcheck // derived from ctx
	if err != nil {
		s.stop()
		return nil, s.explain(err)
	}
	s.body = body
	return s, nil
}

// Read implements [io.Reader].
func (s *archiveStream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err == nil {
		s.timer.Reset(s.timeout)
	}
	return n, s.explain(err)
}

// Close implements [io.Closer].
func (s *archiveStream) Close() error {
	s.stop()
	return s.body.Close()
}

func (s *archiveStream) stop() {
	s.timer.Stop()
	s.cancel(context.Canceled)
}

func (s *archiveStream) explain(err error) error {
	if err != nil && errors.Is(context.Cause(s.ctx), errExportStalled) {
		return fault.New(fault.Load, fmt.Errorf("%w from the engine within %s", errExportStalled, s.timeout), "restart the engine: sudo systemctl restart docker, or Docker Desktop")
	}
	return err
}
