// Package inputs derives an image's tag from everything that its build reads,
// and finds credentials in build contexts.
package inputs

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Labels of the images that tkdeploy builds.
const (
	LabelInputs = "dev.tkdeploy.inputs" // hash of the inputs
	LabelName   = "dev.tkdeploy.name"
	LabelRecipe = "dev.tkdeploy.recipe" // hash of the recipe

	LabelProject = "dev.tkdeploy.project" // whose images `tkdeploy prune` may remove

	// LabelRebuild is a suffix of the tag of an image that was built again from the same
	// inputs. Its content may differ, so it needs another tag.
	LabelRebuild = "dev.tkdeploy.rebuild"
)

// Build is an image built from a Dockerfile. Its tag is a hash of the
// Dockerfile, the files that the target reads, the name, project, target, arguments and
// platform, the IDs of the base images and the names of the secrets.
type Build struct {
	Name       string // in events and errors
	Project    string // an image belongs to one project; "" to none
	Repository string // without a tag
	Context    string
	Dockerfile string // default: Dockerfile in Context
	Target     string // default: the last stage
	Args       map[string]string
	Bases      map[string]string // references by build argument
	Secrets    map[string]Secret // by the id in RUN --mount=type=secret
	Platform   string            // default: the engine's platform
	Allow      []string          // absolute paths that CheckContexts accepts
}

// Secret is the source of a secret's value. Exactly one field is set.
type Secret struct {
	File string
	Env  string
}

// DockerfilePath returns the path of the Dockerfile.
func (b Build) DockerfilePath() string {
	return cmp.Or(b.Dockerfile, filepath.Join(b.Context, "Dockerfile"))
}

// AllArgs returns the build arguments, including the base images. An argument
// overrides the base of the same name.
func (b Build) AllArgs() map[string]string {
	args := maps.Clone(b.Bases)
	if args == nil {
		args = map[string]string{}
	}
	maps.Copy(args, b.Args)
	return args
}

func (b Build) allows(path string) bool {
	return slices.ContainsFunc(b.Allow, func(allowed string) bool {
		rest, err := filepath.Rel(allowed, path)
		return err == nil && filepath.IsLocal(rest)
	})
}

// ignoreFile returns a path that may not exist. As in BuildKit,
// <Dockerfile>.dockerignore replaces the context's .dockerignore.
func (b Build) ignoreFile() string {
	own := b.DockerfilePath() + ".dockerignore"
	if _, err := os.Lstat(own); err == nil {
		return own
	}
	return filepath.Join(b.Context, ".dockerignore")
}
