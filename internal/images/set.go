package images

import (
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// A Set is everything that an application's images consist of.
type Set struct {
	Builds   []inputs.Build
	Bases    []Source // images that builds start FROM
	Sources  []Source // images that run as they are
	Binaries []Binary
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
	Image   engine.Image // if it is present
	Reason  string       // why it is not
}

// Resolved are the images that run somewhere, which bases do not. One that is
// not present is an error.
func (s Status) Resolved() ([]engine.Image, error) {
	var images []engine.Image
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
