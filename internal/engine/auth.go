package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
	bkauth "github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"tkdeploy.dev/tkdeploy/internal/await"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Docker's config stores Docker Hub's credentials under hubKey; BuildKit
// requests hubHost.
const (
	hubKey  = "https://index.docker.io/v1/"
	hubHost = "registry-1.docker.io"
)

// Auth provides registry credentials from the user's Docker config and
// credential helpers, which it reads on every request.
type Auth struct {
	bkauth.UnimplementedAuthServer
	dir           string
	helperTimeout time.Duration // default: one minute
}

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

func (a Auth) forHost(ctx context.Context, host string) (types.AuthConfig, error) {
	if host == hubHost || host == "docker.io" {
		host = hubKey
	}
	path := filepath.Join(a.dir, "config.json")
	text, err := files.Read(path, files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return types.AuthConfig{}, nil
	}
	if err != nil {
		return types.AuthConfig{}, fmt.Errorf("read Docker's config: %w", err)
	}
	config := configfile.New(path)
	if err := config.LoadFromReader(bytes.NewReader(text)); err != nil {
		return types.AuthConfig{}, fmt.Errorf("read Docker's config %s: %w", path, err)
	}
	found, err := a.get(ctx, func() (types.AuthConfig, error) { return config.GetAuthConfig(host) })
	if err != nil {
		return found, fmt.Errorf("get the credentials for %s: %w", host, err)
	}
	return found, nil
}

// helperTimeout leaves time to enter a password. A prompt on another screen must
// not block a run for good.
const helperTimeout = time.Minute

var errHelperTimeout = errors.New("the credential helper did not respond")

// get runs read, which may start a credential helper and takes no context. After the
// timeout, the helper keeps running.
func (a Auth) get(ctx context.Context, read func() (types.AuthConfig, error)) (types.AuthConfig, error) {
	timeout := cmp.Or(a.helperTimeout, helperTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fault.New(fault.Environment,
		fmt.Errorf("%w within %s", errHelperTimeout, timeout), "answer its prompt, or log in with `docker login`"))
	defer cancel()
	return await.Result(ctx, read)
}
