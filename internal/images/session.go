package images

import (
	"context"
	"errors"
	"fmt"
	"net"

	bk "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// buildSessions is a connection to BuildKit. If builds share a session,
// BuildKit transfers their context and runs common steps once.
type buildSessions struct {
	builder  *Builder
	buildkit *bk.Client
	sessions map[sessionKey]*buildSession
	proxies  map[string]string // build arguments
}

type buildSession struct {
	session *session.Session
	inputs  context.Context // done, with the cause, if an input cannot be sent
	fail    context.CancelCauseFunc
	ended   chan error
	secrets map[string][]byte
}

func (b *Builder) openSessions(ctx context.Context, jobs []job) (*buildSessions, error) {
	proxies, err := b.engine.Proxies()
	if err != nil {
		return nil, fault.New(fault.Environment, err, "")
	}
	buildkit, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.engine.API().DialHijack(ctx, "/grpc", "h2c", nil)
		}))
	if err != nil {
		return nil, b.buildKitError(err)
	}
	s := &buildSessions{builder: b, buildkit: buildkit, sessions: map[sessionKey]*buildSession{}, proxies: proxies}
	if err := b.engine.Call(ctx, func(ctx context.Context) error { _, err := buildkit.ListWorkers(ctx); return err }); err != nil {
		return nil, errors.Join(b.buildKitError(err), buildkit.Close())
	}
	groups := map[sessionKey][]job{}
	for _, j := range jobs {
		key := sessionKeyFor(j.build)
		groups[key] = append(groups[key], j)
	}
	for key, group := range groups {
		opened, err := s.open(ctx, key, group)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("build %s: %w", group[0].build.Name, err)
		}
		s.sessions[key] = opened
	}
	return s, nil
}

func (b *Builder) buildKitError(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("connect to BuildKit in %s: %w", b.engine, err),
		"use Docker Engine 20.10 or later, which includes BuildKit")
}

func (s *buildSessions) open(ctx context.Context, key sessionKey, jobs []job) (*buildSession, error) {
	secrets, err := s.builder.secrets(jobs[0].build.Secrets)
	if err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	inputs, fail := context.WithCancelCause(ctx)
	dirs, err := sharedDirs(ctx, jobs, fail)
	if err != nil {
		fail(err)
		return nil, err
	}
	// BuildKit recognizes the directory by its key and requests only changes
	opened, err := session.NewSession(ctx, key.context)
	if err != nil {
		fail(err)
		return nil, err
	}
	opened.Allow(filesync.NewFSSyncProvider(dirs))
	opened.Allow(secretsprovider.FromMap(secrets))
	opened.Allow(s.builder.engine.Auth())
	b := &buildSession{session: opened, inputs: inputs, fail: fail, ended: make(chan error, 1), secrets: secrets}
	go func() {
		b.ended <- opened.Run(inputs, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return s.builder.engine.API().DialHijack(ctx, "/session", proto, meta)
		})
	}()
	return b, nil
}

func (s *buildSessions) close() {
	for _, b := range s.sessions {
		b.fail(context.Canceled)
		_ = b.session.Close() // errors do not matter after the builds
		<-b.ended             //nolint:errcheck // errors do not matter after the builds
	}
	_ = s.buildkit.Close()
}
