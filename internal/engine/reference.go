package engine

import (
	"fmt"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// checkRef refuses an image reference that does not say which image it means:
// it needs a tag other than latest, or a digest.
func CheckRef(ref string) error {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return fault.New(fault.Config, fmt.Errorf("image reference %q: %w", ref, err), "")
	}
	if _, ok := named.(reference.Digested); ok {
		return nil
	}
	if tagged, ok := named.(reference.Tagged); ok && tagged.Tag() != "latest" {
		return nil
	}
	return fault.New(fault.Config,
		fmt.Errorf("image reference %q: latest means another image every day", ref),
		"name a version, for example "+reference.TrimNamed(named).String()+":1.2")
}

// fullRef is the reference as a node spells it: with registry and path.
func FullRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.TagNameOnly(named).String()
}

// splitRef gives a reference's repository, as the user writes it, and its tag.
func splitRef(named reference.Named) (repository, tag string) {
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}

// familiar is the reference as the docker CLI shows it.
func FamiliarRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.FamiliarString(named)
}
