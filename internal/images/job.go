package images

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// job is a build whose image is missing.
type job struct {
	build    inputs.Build
	identity inputs.Identity
	result   lookupResult
	image    *engine.Image
	rebuild  string // suffix of the tag, if the image is built without the cache
}

// sessionKey identifies builds that can share a session.
type sessionKey struct {
	context    string
	dockerfile string
	secrets    string
}

func sessionKeyFor(b inputs.Build) sessionKey {
	var secrets []string
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		secrets = append(secrets, fmt.Sprintf("%q=%q,%q", id, b.Secrets[id].File, b.Secrets[id].Env))
	}
	return sessionKey{
		context:    b.Context,
		dockerfile: filepath.Dir(b.DockerfilePath()),
		secrets:    strings.Join(secrets, ";"),
	}
}

// sharedDirs returns the directories that the jobs of a session read.
func sharedDirs(ctx context.Context, jobs []job, fail func(error)) (filesync.StaticDirSource, error) {
	var snapshots []*inputs.Snapshot
	for _, j := range jobs {
		snapshots = append(snapshots, j.identity.Inputs)
	}
	buildContext, dockerfile, err := inputs.Dirs(ctx, snapshots, fail)
	return filesync.StaticDirSource{
		dockerui.DefaultLocalNameContext:    buildContext,
		dockerui.DefaultLocalNameDockerfile: dockerfile,
	}, err
}

// secrets reads the values. Errors do not contain them.
func (b *Builder) secrets(sources map[string]inputs.Secret) (map[string][]byte, error) {
	values := map[string][]byte{}
	for id, secret := range sources {
		if secret.Env != "" {
			value := b.options.Getenv(secret.Env)
			if value == "" {
				return nil, fmt.Errorf("secret %s: environment variable %s is not set", id, secret.Env)
			}
			values[id] = []byte(value)
			continue
		}
		value, err := files.Read(secret.File, secretsprovider.MaxSecretSize)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", id, err)
		}
		values[id] = value
	}
	return values, nil
}
