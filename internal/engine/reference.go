package engine

import (
	"fmt"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// CheckRef returns an error of class [fault.Config] unless ref has a digest or
// a tag other than latest.
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
		fmt.Errorf("image reference %q: latest is not a fixed version", ref),
		"set a version, for example "+reference.TrimNamed(named).String()+":1.2")
}

// FullRef returns the fully qualified reference, as in a node.
func FullRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.TagNameOnly(named).String()
}

func splitRef(named reference.Named) (repository, tag string) {
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}

// FamiliarRef returns the short form that the docker CLI shows.
func FamiliarRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.FamiliarString(named)
}
