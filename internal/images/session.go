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

// A workshop is the engine's BuildKit with open sessions. Builds of the same
// context share a session, so that BuildKit sees one context, fetches it once
// and does common steps once.
type buildSessions struct {
	builder  *Builder
	buildkit *bk.Client
	sessions map[sessionKey]*buildSession
}

// A bench is a session and what builds in it have in common.
type buildSession struct {
	session *session.Session
	stop    context.CancelFunc
	ended   chan error
	secrets map[string][]byte
}

// openWorkshop connects to the BuildKit in the engine: the engine speaks its
// protocol on hijacked HTTP connections, as the docker CLI's buildx uses it.
func (b *Builder) openSessions(ctx context.Context, jobs []job) (*buildSessions, error) {
	buildkit, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.engine.API().DialHijack(ctx, "/grpc", "h2c", nil)
		}))
	if err != nil {
		return nil, b.noBuildKit(err)
	}
	w := &buildSessions{builder: b, buildkit: buildkit, sessions: map[sessionKey]*buildSession{}}
	if _, err := buildkit.ListWorkers(ctx); err != nil {
		return nil, errors.Join(b.noBuildKit(err), buildkit.Close())
	}
	for _, j := range jobs {
		if err := w.open(ctx, j.build); err != nil {
			w.close()
			return nil, fmt.Errorf("build %s: %w", j.build.Name, err)
		}
	}
	return w, nil
}

func (b *Builder) noBuildKit(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("use BuildKit in %s: %w", b.engine, err),
		"tkdeploy builds with BuildKit, which Docker Engine 20.10 and later contain")
}

// open starts the session for a build unless there is one.
func (w *buildSessions) open(ctx context.Context, b inputs.Build) error {
	key := sessionKeyFor(b)
	if w.sessions[key] != nil {
		return nil
	}
	dirs, err := sharedDirs(key)
	if err != nil {
		return fault.New(fault.Config, err, "")
	}
	secrets, err := w.builder.secrets(b.Secrets)
	if err != nil {
		return fault.New(fault.Config, err, "")
	}
	// The key lets BuildKit know the folder again and ask only for changes.
	s, err := session.NewSession(ctx, key.context)
	if err != nil {
		return err
	}
	s.Allow(filesync.NewFSSyncProvider(dirs))
	s.Allow(secretsprovider.FromMap(secrets))
	s.Allow(w.builder.engine.Auth())
	w.sessions[key] = start(ctx, s, w.builder.engine, secrets)
	return nil
}

func start(ctx context.Context, s *session.Session, e *engine.Engine, secrets map[string][]byte) *buildSession {
	ctx, stop := context.WithCancel(ctx)
	opened := &buildSession{session: s, stop: stop, ended: make(chan error, 1), secrets: secrets}
	go func() {
		opened.ended <- s.Run(ctx, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.API().DialHijack(ctx, "/session", proto, meta)
		})
	}()
	return opened
}

// close ends the sessions and the connection and waits for their goroutines.
func (w *buildSessions) close() {
	for _, b := range w.sessions {
		_ = b.session.Close() // the builds are over: nothing depends on a clean end
		b.stop()
		<-b.ended //nolint:errcheck // likewise
	}
	_ = w.buildkit.Close() // likewise
}
