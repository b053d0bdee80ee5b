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

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// buildSessions is a connection to BuildKit. If builds share a session,
// BuildKit transfers their context and runs common steps once.
type buildSessions struct {
	builder  *Builder
	buildkit *bk.Client
	sessions map[sessionKey]*buildSession
}

type buildSession struct {
	session *session.Session
	stop    context.CancelFunc
	ended   chan error
	secrets map[string][]byte
}

func (b *Builder) openSessions(ctx context.Context, jobs []job) (*buildSessions, error) {
	buildkit, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.engine.API().DialHijack(ctx, "/grpc", "h2c", nil)
		}))
	if err != nil {
		return nil, b.buildKitError(err)
	}
	s := &buildSessions{builder: b, buildkit: buildkit, sessions: map[sessionKey]*buildSession{}}
	if _, err := buildkit.ListWorkers(ctx); err != nil {
		return nil, errors.Join(b.buildKitError(err), buildkit.Close())
	}
	for _, j := range jobs {
		if err := s.open(ctx, j.build); err != nil {
			s.close()
			return nil, fmt.Errorf("build %s: %w", j.build.Name, err)
		}
	}
	return s, nil
}

func (b *Builder) buildKitError(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("connect to BuildKit in %s: %w", b.engine, err),
		"use Docker Engine 20.10 or later, which includes BuildKit")
}

func (s *buildSessions) open(ctx context.Context, b inputs.Build) error {
	key := sessionKeyFor(b)
	if s.sessions[key] != nil {
		return nil
	}
	dirs, err := sharedDirs(key)
	if err != nil {
		return fault.New(fault.Config, err, "")
	}
	secrets, err := s.builder.secrets(b.Secrets)
	if err != nil {
		return fault.New(fault.Config, err, "")
	}
	// BuildKit recognizes the directory by its key and requests only changes
	opened, err := session.NewSession(ctx, key.context)
	if err != nil {
		return err
	}
	opened.Allow(filesync.NewFSSyncProvider(dirs))
	opened.Allow(secretsprovider.FromMap(secrets))
	opened.Allow(s.builder.engine.Auth())
	s.sessions[key] = startSession(ctx, opened, s.builder.engine, secrets)
	return nil
}

func startSession(ctx context.Context, s *session.Session, e *engine.Engine, secrets map[string][]byte) *buildSession {
	ctx, stop := context.WithCancel(ctx)
	b := &buildSession{session: s, stop: stop, ended: make(chan error, 1), secrets: secrets}
	go func() {
		b.ended <- s.Run(ctx, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.API().DialHijack(ctx, "/session", proto, meta)
		})
	}()
	return b
}

func (s *buildSessions) close() {
	for _, b := range s.sessions {
		_ = b.session.Close() // errors do not matter after the builds
		b.stop()
		<-b.ended //nolint:errcheck // errors do not matter after the builds
	}
	_ = s.buildkit.Close()
}
