package images

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Labels of the images that tkdeploy makes.
const (
	LabelInputs = "dev.tkdeploy.inputs" // the whole hash of a built image's inputs
	LabelName   = "dev.tkdeploy.name"   // the image's name in tkdeploy.yaml
	LabelRecipe = "dev.tkdeploy.recipe" // the hash of the recipe that made the image
)

// A Set is everything that an application's images consist of.
type Set struct {
	Builds   []Build
	Bases    []Source // images that builds start FROM
	Sources  []Source // images that run as they are
	Binaries []Binary
}

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

// A Source is an image from outside. It is used if the engine has it, else
// pulled, else made by its recipe.
type Source struct {
	Name   string // in events and errors
	Ref    string // with a tag other than latest
	Recipe string // folder with an executable "build"; "" if there is none
}

// A Binary is an image FROM scratch that holds one static Linux executable and
// runs it as user 65532.
type Binary struct {
	Repository string
	Path       string
}

// An Image is one that the engine has.
type Image struct {
	Name       string // as in the Set
	Repository string // as the chart names it
	Tag        string
	Ref        string // full, as a node names it
	ID         string // the engine's id
	Platform   string // linux/amd64

	diffIDs []string // digests of the unpacked layers, lowest first
	size    int64    // in bytes, as the engine says: of all layers
}

// A Status is what the engine has of a Set.
type Status struct {
	Images []ImageStatus // in the order Bases, Builds, Sources, Binaries

	bases int
}

// A Presence tells whether the engine has an image, and if not, why.
type ImageStatus struct {
	Name    string
	Ref     string // "" if it cannot be known yet
	Present bool
	Image   Image  // if it is present
	Reason  string // why it is not
}

// Resolved are the images that run somewhere, which bases do not. One that is
// not present is an error.
func (s Status) Resolved() ([]Image, error) {
	var images []Image
	var problems []error
	for _, p := range s.Images[s.bases:] {
		if !p.Present {
			problems = append(problems, fault.New(fault.Build, fmt.Errorf("image %s: %s", p.Name, p.Reason), "build it first: tkdeploy up --only build"))
			continue
		}
		images = append(images, p.Image)
	}
	return images, errors.Join(problems...)
}

// Missing are the images that are not present.
func (s Status) Missing() []ImageStatus {
	var missing []ImageStatus
	for _, p := range s.Images {
		if !p.Present {
			missing = append(missing, p)
		}
	}
	return missing
}

// check finds what is wrong with a set before anything is done.
func (s Set) check() error {
	var problems []error
	for _, source := range append(append([]Source{}, s.Bases...), s.Sources...) {
		problems = append(problems, checkRef(source.Ref))
	}
	for _, b := range s.Builds {
		for arg, ref := range b.Bases {
			problems = append(problems, wrap(checkRef(ref), "build %s: base %s", b.Name, arg))
		}
		for id, secret := range b.Secrets {
			if (secret.File == "") == (secret.Env == "") {
				problems = append(problems, fault.New(fault.Config,
					fmt.Errorf("build %s: secret %s needs either a file or an environment variable", b.Name, id), ""))
			}
		}
	}
	return errors.Join(problems...)
}

func (b Build) dockerfile() string {
	return cmp.Or(b.Dockerfile, filepath.Join(b.Context, "Dockerfile"))
}

// wrap says what was being done; a nil error stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
