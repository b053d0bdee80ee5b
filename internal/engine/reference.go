package engine

import (
	"fmt"
	"strings"

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

// FullRef returns the fully qualified reference, as in a node. A reference with a
// digest has no tag there: containerd and the kubelet drop it.
func FullRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	if digested, ok := named.(reference.Digested); ok {
		if canonical, err := reference.WithDigest(reference.TrimNamed(named), digested.Digest()); err == nil {
			return canonical.String()
		}
	}
	return reference.TagNameOnly(named).String()
}

// withoutTag drops the tag of a reference with a digest.
func withoutTag(ref string) string {
	if strings.Contains(ref, "@") {
		return FullRef(ref)
	}
	return ref
}

func splitRef(named reference.Named) (repository, tag string) {
	repository = reference.FamiliarName(named)
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		if tag != "" {
			return repository, tag + "@" + digested.Digest().String()
		}
		return repository + "@" + digested.Digest().Algorithm().String(), digested.Digest().Encoded()
	}
	return repository, tag
}

func repositoryOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return named.Name()
}

// FamiliarRef returns the short form that the docker CLI shows.
func FamiliarRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.FamiliarString(named)
}
