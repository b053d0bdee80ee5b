package images

import (
	"fmt"

	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// sharedDirs returns the directories that builds read, owned by root as in
// every Docker build.
func sharedDirs(key sessionKey) (filesync.StaticDirSource, error) {
	dirs := filesync.StaticDirSource{}
	for name, path := range map[string]string{
		dockerui.DefaultLocalNameContext:    key.context,
		dockerui.DefaultLocalNameDockerfile: key.dockerfile,
	} {
		files, err := fsutil.NewFS(path)
		if err != nil {
			return nil, err
		}
		dirs[name], err = fsutil.NewFilterFS(files, &fsutil.FilterOpt{
			Map: func(_ string, stat *types.Stat) fsutil.MapResult {
				stat.Uid, stat.Gid = 0, 0
				return fsutil.MapResultKeep
			},
		})
		if err != nil {
			return nil, err
		}
	}
	return dirs, nil
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
