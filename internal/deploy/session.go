// Package deploy deploys an environment: it builds and loads images, brings up the
// cluster, applies and verifies the release, and rolls back a failed revision.
//
// A [Workspace] is the configuration. A [Session] holds connections and cached
// reads. A [Run] provides the stages, and an [Execution] runs them under [Locks].
package deploy

import (
	"context"
	"fmt"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/deploy/cache"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// Session owns the connection to the engine, the API clients of the cluster, and
// cached reads. It is safe for concurrent use.
//
// Stages share only these reads. Concurrent callers share one read, and its result
// is cached until [Session.Invalidate]. A stage that writes invalidates or replaces
// what it has changed.
type Session struct {
	Workspace *Workspace

	connect   func(context.Context) (*engine.Engine, error)
	engineID  func(context.Context) (string, error)
	engine    cache.Value[*engine.Engine]
	builder   cache.Value[*images.Builder]
	images    cache.Value[[]engine.Image]
	probe     cache.Value[images.Status]
	inventory cache.Value[nodeload.Inventory]
	status    cache.Value[cluster.Status]
	nodes     cache.Value[[]cluster.Node]
	clients   cache.Value[*clients]
	release   cache.Value[*release.Deployed]
	secrets   cache.Value[[]redact.Entry]
}

// clients share one connection and ownership check.
type clients struct {
	config  *rest.Config
	kube    kubernetes.Interface
	dynamic dynamic.Interface
}

// NewSession returns a session. It opens no connection.
func NewSession(w *Workspace) *Session {
	return NewSessionWithEngine(w, func(ctx context.Context) (*engine.Engine, error) {
		return engine.Connect(ctx, w.Engine)
	})
}

// NewSessionWithEngine is like [NewSession], but connects to the engine with
// connect.
func NewSessionWithEngine(w *Workspace, connect func(context.Context) (*engine.Engine, error)) *Session {
	s := &Session{Workspace: w, connect: connect}
	s.engineID = func(ctx context.Context) (string, error) {
		e, err := s.Engine(ctx)
		if err != nil {
			return "", err
		}
		return e.ID(ctx)
	}
	return s
}

// Scope is a set of reads that depend on the same state.
type Scope int

// The scopes.
const (
	Checkout     Scope = iota // images that match the sources
	ClusterState              // all reads from the cluster, and its clients
	ReleaseState              // the deployed revision
)

// Invalidate drops the reads of the scopes. Only the build stage may invalidate
// Checkout during a run, because a run deploys one state of the checkout.
func (s *Session) Invalidate(scopes ...Scope) {
	for _, scope := range scopes {
		switch scope {
		case Checkout:
			s.images.Invalidate()
			s.probe.Invalidate()
			s.inventory.Invalidate()
		case ClusterState:
			s.status.Invalidate()
			s.nodes.Invalidate()
			s.clients.Invalidate()
			s.inventory.Invalidate()
			s.release.Invalidate()
			s.secrets.Invalidate()
		case ReleaseState:
			s.release.Invalidate()
			s.secrets.Invalidate()
		}
	}
}

// Engine returns the connection to the engine. The first call opens it.
func (s *Session) Engine(ctx context.Context) (*engine.Engine, error) {
	return s.engine.Get(ctx, s.connect)
}

// Builder returns the session's builder, which caches unreachable registries and
// the hashes of executables.
func (s *Session) Builder(ctx context.Context) (*images.Builder, error) {
	return s.builder.Get(ctx, func(ctx context.Context) (*images.Builder, error) {
		e, err := s.Engine(ctx)
		if err != nil {
			return nil, err
		}
		w, pull := s.Workspace, s.Workspace.Config.Pull
		return images.NewBuilder(e, images.Options{
			NoCache: w.NoCache, Pull: w.Pull,
			PullStartTimeout: pull.StartTimeout, PullIdleTimeout: pull.IdleTimeout, StateDir: w.StateDir, Project: w.Config.Name, Configuration: w.Config.Files(),
		}), nil
	})
}

func (s *Session) openClients(ctx context.Context) (*clients, error) {
	return s.clients.Get(ctx, func(context.Context) (*clients, error) {
		config, err := s.Workspace.Cluster.RESTConfig()
		if err != nil {
			return nil, err
		}
		client, err := rest.HTTPClientFor(config)
		if err != nil {
			return nil, fmt.Errorf("connect to the cluster: %w", err)
		}
		kube, err := kubernetes.NewForConfigAndClient(config, client)
		if err != nil {
			return nil, fmt.Errorf("connect to the cluster: %w", err)
		}
		objects, err := dynamic.NewForConfigAndClient(config, client)
		if err != nil {
			return nil, fmt.Errorf("connect to the cluster: %w", err)
		}
		return &clients{config, kube, objects}, nil
	})
}

// Kube returns a client of the cluster's API server.
func (s *Session) Kube(ctx context.Context) (kubernetes.Interface, error) {
	c, err := s.openClients(ctx)
	if err != nil {
		return nil, err
	}
	return c.kube, nil
}
