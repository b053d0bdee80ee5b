package images

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	bk "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A workshop is the engine's BuildKit with open sessions. Builds of the same
// context share a session, so that BuildKit sees one context, fetches it once
// and does common steps once.
type workshop struct {
	engine   *Engine
	buildkit *bk.Client
	sessions map[sessionKey]*bench
}

// A bench is a session and what builds in it have in common.
type bench struct {
	session *session.Session
	stop    context.CancelFunc
	ended   chan error
	secrets map[string][]byte
}

// sessionKey tells which builds can share a session.
type sessionKey struct {
	context    string
	dockerfile string // its folder
	secrets    string
}

func keyOf(b Build) sessionKey {
	var secrets []string
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		secrets = append(secrets, fmt.Sprintf("%q=%q,%q", id, b.Secrets[id].File, b.Secrets[id].Env))
	}
	return sessionKey{
		context:    b.Context,
		dockerfile: filepath.Dir(b.dockerfile()),
		secrets:    strings.Join(secrets, ";"),
	}
}

// openWorkshop connects to the BuildKit in the engine: the engine speaks its
// protocol on hijacked HTTP connections, as the docker CLI's buildx uses it.
func (e *Engine) openWorkshop(ctx context.Context, jobs []job) (*workshop, error) {
	buildkit, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/grpc", "h2c", nil)
		}))
	if err != nil {
		return nil, e.noBuildKit(err)
	}
	w := &workshop{engine: e, buildkit: buildkit, sessions: map[sessionKey]*bench{}}
	if _, err := buildkit.ListWorkers(ctx); err != nil {
		return nil, errors.Join(e.noBuildKit(err), buildkit.Close())
	}
	for _, j := range jobs {
		if err := w.open(ctx, j.build); err != nil {
			w.close()
			return nil, wrap(err, "build %s", j.build.Name)
		}
	}
	return w, nil
}

func (e *Engine) noBuildKit(err error) error {
	return fault.New(fault.Environment, fmt.Errorf("use BuildKit in %s: %w", e, err),
		"tkdeploy builds with BuildKit, which Docker Engine 20.10 and later contain")
}

// open starts the session for a build unless there is one.
func (w *workshop) open(ctx context.Context, b Build) error {
	key := keyOf(b)
	if w.sessions[key] != nil {
		return nil
	}
	dirs, err := sharedDirs(key)
	if err != nil {
		return fault.New(fault.Config, err, "")
	}
	secrets, err := w.engine.secrets(b.Secrets)
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
	s.Allow(w.engine.auth)
	w.sessions[key] = start(ctx, s, w.engine, secrets)
	return nil
}

func start(ctx context.Context, s *session.Session, e *Engine, secrets map[string][]byte) *bench {
	ctx, stop := context.WithCancel(ctx)
	b := &bench{session: s, stop: stop, ended: make(chan error, 1), secrets: secrets}
	go func() {
		b.ended <- s.Run(ctx, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/session", proto, meta)
		})
	}()
	return b
}

// close ends the sessions and the connection and waits for their goroutines.
func (w *workshop) close() {
	for _, b := range w.sessions {
		_ = b.session.Close() // the builds are over: nothing depends on a clean end
		b.stop()
		<-b.ended //nolint:errcheck // likewise
	}
	_ = w.buildkit.Close() // likewise
}
