// Package inputs hashes everything that an image is built from and scans it for
// credentials.
package inputs

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Labels of the images that tkdeploy makes.
const (
	LabelInputs = "dev.tkdeploy.inputs" // the whole hash of a built image's inputs
	LabelName   = "dev.tkdeploy.name"   // the image's name in tkdeploy.yaml
	LabelRecipe = "dev.tkdeploy.recipe" // the hash of the recipe that made the image
)

// A Build is an image made from a Dockerfile. Its tag is the hash of its
// inputs: the files that the target reads, the Dockerfile, the target, the
// arguments, the platform, the ids of the base images and the secrets' names.
type Build struct {
	Name       string            // in events and errors
	Repository string            // the image's name without a tag
	Context    string            // folder that COPY reads from
	Dockerfile string            // path of the Dockerfile; default Context/Dockerfile
	Target     string            // stage to build; default the last
	Args       map[string]string // build arguments
	Bases      map[string]string // build argument → reference of a base image
	Secrets    map[string]Secret // id → value, for RUN --mount=type=secret
	Platform   string            // default the engine's own
	Allow      []string          // absolute paths of files and folders that CheckContexts lets pass
}

// A Secret says where a secret's value is. Exactly one field is set.
type Secret struct {
	File string
	Env  string
}

func (b Build) DockerfilePath() string {
	return cmp.Or(b.Dockerfile, filepath.Join(b.Context, "Dockerfile"))
}

// args are the build's arguments, base images included. The caller may change
// the result.
func (b Build) AllArgs() map[string]string {
	args := maps.Clone(b.Args)
	if args == nil {
		args = map[string]string{}
	}
	maps.Copy(args, b.Bases)
	return args
}

// allows is true for a path in Allow, or in a folder there.
func (b Build) allows(path string) bool {
	return slices.ContainsFunc(b.Allow, func(allowed string) bool {
		rest, err := filepath.Rel(allowed, path)
		return err == nil && filepath.IsLocal(rest)
	})
}

// ignoreFile is the path of the ignore file that counts. It need not be there.
func (b Build) ignoreFile() string {
	own := b.DockerfilePath() + ".dockerignore"
	if _, err := os.Lstat(own); err == nil {
		return own
	}
	return filepath.Join(b.Context, ".dockerignore")
}
