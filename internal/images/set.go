package images

import (
	"errors"
	"fmt"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// Set is the images of an application.
type Set struct {
	Builds   []inputs.Build
	Bases    []Source // base images of Dockerfiles
	Sources  []Source // external images that run unchanged
	Binaries []Binary
}

// Source is an external image, pulled or built by its recipe if missing.
type Source struct {
	Name   string // in events and errors
	Ref    string // with a digest, or a tag other than latest
	Recipe string // directory with an executable "build"; "" for none

	frontend string // where a Dockerfile selects the image as its frontend; "" for other images
}

// Binary is an image of one static Linux executable, which runs as user 65532. The
// last element of the repository names the executable.
type Binary struct {
	Repository string
	Program    func(platform string) (Program, error) // called with the engine's platform
}

// Program is the executable of a Binary.
type Program struct {
	Digest string                 // in hex; a different executable has another one
	Read   func() ([]byte, error) // returns the executable
}

// Status is the state of a Set in the engine.
type Status struct {
	Images []ImageStatus // in the order Bases, Builds, Sources, Binaries

	bases int
}

// ImageStatus reports whether the engine has an image.
type ImageStatus struct {
	Name    string
	Ref     string // "" if a base image is missing
	Present bool
	Image   engine.Image
	Reason  string // why it is missing
}

// Resolved returns all images but the bases. Each missing one is an error of
// class [fault.Build].
func (s Status) Resolved() ([]engine.Image, error) {
	var images []engine.Image
	var problems []error
	for _, i := range s.Images[s.bases:] {
		if !i.Present {
			problems = append(problems, fault.New(fault.Build, fmt.Errorf("image %s: %s", i.Name, i.Reason), "run `tkdeploy up --only build`"))
			continue
		}
		images = append(images, i.Image)
	}
	return images, errors.Join(problems...)
}

// Missing returns the images that are not present.
func (s Status) Missing() []ImageStatus {
	var missing []ImageStatus
	for _, i := range s.Images {
		if !i.Present {
			missing = append(missing, i)
		}
	}
	return missing
}

func (s Set) check() error {
	var problems []error
	for _, source := range append(append([]Source{}, s.Bases...), s.Sources...) {
		problems = append(problems, engine.CheckRef(source.Ref))
	}
	for _, b := range s.Builds {
		for arg, ref := range b.Bases {
			if err := engine.CheckRef(ref); err != nil {
				problems = append(problems, fmt.Errorf("build %s: base %s: %w", b.Name, arg, err))
			}
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

// firstIndex returns the index of the first source of the same image.
func firstIndex(sources []Source, s Source) int {
	return slices.IndexFunc(sources, func(other Source) bool { return engine.FullRef(other.Ref) == engine.FullRef(s.Ref) })
}
