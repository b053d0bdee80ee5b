package images

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
)

// pull returns a [*registryError] if the registry fails, at once if it was
// unreachable before.
func (b *Builder) pull(ctx context.Context, item string, named reference.Named, reporter event.Reporter) error {
	domain := reference.Domain(named)
	host := b.registries.host(domain)
	host.mu.Lock()
	if host.down != nil {
		defer host.mu.Unlock()
		return host.down
	}
	messages, err := b.startPull(ctx, named)
	if err == nil {
		host.mu.Unlock()
		defer messages.Close()
		if err = messages.report(item, reporter); err == nil {
			return nil
		}
		host.mu.Lock()
	}
	defer host.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed, down := classifyPullError(domain, err)
	if down {
		host.down = failed
	}
	return failed
}

// startPull waits for the registry's first response.
func (b *Builder) startPull(ctx context.Context, named reference.Named) (*pullStream, error) {
	header, err := b.engine.Auth().Header(named)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &pullStream{ctx: ctx, cancel: cancel, idleTimeout: b.options.PullIdleTimeout}
	s.timer = time.AfterFunc(b.options.PullStartTimeout, func() { cancel(errRegistryTimeout) })
	body, err := b.engine.API().ImagePull(ctx, named.String(), image.PullOptions{RegistryAuth: header})
	if err != nil {
		defer s.Close()
		return nil, s.cause(err)
	}
	s.body, s.decoder = body, json.NewDecoder(body)
	if s.first, err = s.next(); err != nil {
		defer s.Close()
		return nil, err
	}
	return s, nil
}

type pullStream struct {
	ctx         context.Context
	cancel      context.CancelCauseFunc
	idleTimeout time.Duration
	timer       *time.Timer
	body        io.Closer
	decoder     *json.Decoder
	first       engine.Message
}

func (s *pullStream) Close() {
	s.timer.Stop()
	s.cancel(context.Canceled)
	if s.body != nil {
		_ = s.body.Close() // the stream is no longer needed
	}
}

func (s *pullStream) next() (engine.Message, error) {
	m, err := engine.NextMessage(s.decoder)
	if err != nil {
		return m, s.cause(err)
	}
	s.timer.Reset(s.idleTimeout)
	return m, nil
}

func (s *pullStream) cause(err error) error {
	if errors.Is(context.Cause(s.ctx), errRegistryTimeout) {
		return errRegistryTimeout
	}
	return err
}

func (s *pullStream) report(item string, reporter event.Reporter) error {
	progress := pullProgress{}
	for m := s.first; ; {
		reporter.Report(progress.event(item, m))
		var err error
		if m, err = s.next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

type pullProgress map[string]engine.Message

func (p pullProgress) event(item string, m engine.Message) event.Event {
	if m.Status == "Downloading" {
		p[m.ID] = m
	}
	e := event.Progress(item, "pull: "+m.Status)
	for _, layer := range p {
		e.Current += layer.Progress.Current
		e.Total += layer.Progress.Total
	}
	return e
}
