package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
	bkauth "github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"tkdeploy.dev/tkdeploy/internal/await"
)

// hubHost is the registry of Docker Hub that BuildKit requests.
const hubHost = "registry-1.docker.io"

// Auth provides registry credentials from the user's Docker config and
// credential helpers, which it reads on every request. If a helper fails, it
// provides none, as docker pull does: many images need none.
type Auth struct {
	bkauth.UnimplementedAuthServer
	dir           string
	helperTimeout time.Duration // default: one minute
	failures      *helperFailures
}

func newAuth(dir string) Auth { return Auth{dir: dir, failures: &helperFailures{}} }

// Register adds the credentials to a build session. BuildKit fetches tokens
// itself, because the token calls are not implemented.
func (a Auth) Register(server *grpc.Server) { bkauth.RegisterAuthServer(server, a) }

// Credentials returns a registry's user and password to BuildKit.
func (a Auth) Credentials(ctx context.Context, request *bkauth.CredentialsRequest) (*bkauth.CredentialsResponse, error) {
	found, err := a.forHost(ctx, request.Host)
	if err != nil {
		return nil, err
	}
	if found.IdentityToken != "" {
		return &bkauth.CredentialsResponse{Secret: found.IdentityToken}, nil
	}
	return &bkauth.CredentialsResponse{Username: found.Username, Secret: found.Password}, nil
}

// Header returns the X-Registry-Auth header for a pull.
func (a Auth) Header(ctx context.Context, named reference.Named) (string, error) {
	found, err := a.forHost(ctx, reference.Domain(named))
	if err != nil {
		return "", err
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username: found.Username, Password: found.Password, Auth: found.Auth,
		ServerAddress: found.ServerAddress, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	})
}

// Failure returns why the registry got no credentials, or nil.
func (a Auth) Failure(host string) error { return a.failures.of(registryKey(host)) }

// Notes returns a note for each credential helper that failed since the last call. It
// returns one for each helper only.
func (a Auth) Notes() []string { return a.failures.takeNotes() }

func (a Auth) forHost(ctx context.Context, host string) (types.AuthConfig, error) {
	config, err := readDockerConfig(a.dir)
	if err != nil {
		return types.AuthConfig{}, err
	}
	host = registryKey(host)
	helper := config.helper(host)
	if a.failures.hangs(helper) {
		return types.AuthConfig{}, nil
	}
	found, err := a.get(ctx, func() (types.AuthConfig, error) { return config.GetAuthConfig(host) })
	switch {
	case ctx.Err() != nil:
		return types.AuthConfig{}, context.Cause(ctx)
	case err != nil && helper == "":
		return types.AuthConfig{}, fmt.Errorf("get the credentials for %s: %w", host, err)
	case err != nil:
		a.failures.add(helper, host, config.Filename, err)
		return types.AuthConfig{}, nil
	}
	return found, nil
}

func registryKey(host string) string {
	if host == hubHost || host == "docker.io" {
		return hubKey
	}
	return host
}

// helperTimeout leaves time to enter a password. A prompt on another screen must
// not block a run for good.
const helperTimeout = time.Minute

// get runs read, which may start a credential helper and takes no context. After the
// timeout, the helper keeps running.
func (a Auth) get(ctx context.Context, read func() (types.AuthConfig, error)) (types.AuthConfig, error) {
	timeout := cmp.Or(a.helperTimeout, helperTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &helperTimeoutError{timeout})
	defer cancel()
	return await.Result(ctx, read)
}
