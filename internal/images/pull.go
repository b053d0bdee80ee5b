package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// refreshBases pulls the base images again, except those with a digest and those that a
// recipe built.
func (b *Builder) refreshBases(ctx context.Context, set Set, reporter event.Reporter) error {
	l := b.newLookup()
	seen := map[string]bool{}
	var work []func() error
	for _, build := range set.Builds {
		id, err := l.cache.Identify(ctx, build)
		if err != nil || id.Inputs == nil {
			return err
		}
		for _, ref := range id.Inputs.Bases() {
			found, err := l.cache.Image(ctx, ref)
			if err != nil {
				return err
			}
			named, err := reference.ParseNormalizedNamed(ref)
			if err != nil || found == nil || seen[named.String()] || strings.Contains(ref, "@") || found.Config != nil && found.Config.Labels[inputs.LabelRecipe] != "" {
				continue
			}
			seen[named.String()] = true
			work = append(work, func() error { return b.refresh(ctx, ref, reference.TagNameOnly(named), reporter) })
		}
	}
	if err := inParallel(work...); err != nil {
		return err
	}
	b.setPulled()
	return nil
}

func (b *Builder) refresh(ctx context.Context, ref string, named reference.Named, reporter event.Reporter) error {
	_, err := b.ensureOne(ctx, reporter, ref,
		func() (lookupResult, error) {
			return lookupResult{name: ref, ref: ref, reason: "--pull", external: true}, nil
		},
		func(lookupResult) (string, error) {
			err := b.pull(ctx, ref, named, reporter)
			var failed *registryError
			if errors.As(err, &failed) {
				err = fault.New(fault.Build, fmt.Errorf("pull image %s again: %w", ref, failed), "omit --pull to use the image in the engine")
			}
			return "pulled", err
		})
	return err
}

// pull returns a [*registryError] if the registry fails, at once if it was
// unreachable before.
func (b *Builder) pull(ctx context.Context, item string, named reference.Named, reporter event.Reporter) error {
	domain := reference.Domain(named)
	messages, err := b.reach(ctx, domain, named)
	if err != nil {
		return err
	}
	defer messages.Close()
	err = messages.report(item, reporter)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	failed, _ := b.classify(domain, err)
	failed.partial = true
	return failed
}

// reach starts a pull. Other pulls from the registry wait for its first response.
func (b *Builder) reach(ctx context.Context, domain string, named reference.Named) (*pullStream, error) {
	header, err := b.engine.Auth().Header(ctx, named)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &registryError{reason: "no credentials for " + domain, err: err}
	}
	host := b.registries.host(domain)
	host.mu.Lock()
	defer host.mu.Unlock()
	if host.down != nil {
		return nil, host.down
	}
	messages, err := b.startPull(ctx, named, header)
	switch {
	case err == nil:
		return messages, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	failed, down := b.classify(domain, err)
	if down {
		host.down = failed
	}
	return nil, failed
}

// classify adds why the registry got no credentials.
func (b *Builder) classify(domain string, err error) (failed *registryError, down bool) {
	failed, down = classifyPullError(domain, err)
	if failure := b.engine.Auth().Failure(domain); failure != nil && !down {
		failed.reason += " (" + failure.Error() + ")"
	}
	return failed, down
}

// startPull waits for the registry's first response.
func (b *Builder) startPull(ctx context.Context, named reference.Named, header string) (*pullStream, error) {
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
