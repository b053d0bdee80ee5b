package inputs

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/dockerfile"
)

// TagLength is the length of a tag: 48 bits make collisions within a repository
// unlikely.
const TagLength = 12

// inputsVersion is part of each tag. Version 1 named images that could have other
// contents: it is never used again.
const inputsVersion = "tkdeploy image inputs 2"

// Identity names a build by its inputs.
type Identity struct {
	Hash   string   // hex
	Ref    string   // tagged with the start of Hash
	Absent []string // missing base images; if any, Hash and Ref are "" and Inputs is nil
	Inputs *Snapshot

	// Frontend is the image of the frontend, if it is not the one in this program. It is
	// set if Absent is.
	Frontend      string
	FrontendPlace string // where it is selected, such as Dockerfile:1
}

// Identify hashes the inputs of b, including the IDs of its base images.
func (c *LookupCache) Identify(ctx context.Context, b Build) (Identity, error) {
	id, err := c.readInputs(ctx, b)
	if err != nil {
		return id, fmt.Errorf("hash inputs of image %s: %w", b.Name, err)
	}
	return id, nil
}

func (c *LookupCache) readInputs(ctx context.Context, b Build) (Identity, error) {
	text, err := readDockerfile(b)
	if err != nil {
		return Identity{}, err
	}
	if b.Platform == "" {
		b.Platform = c.engine.Platform()
	}
	r := readsOf(ctx, text, b, b.Platform, c.config)
	bases, absent, err := c.baseLines(ctx, r.bases)
	if err != nil || len(absent) > 0 {
		id := Identity{Absent: absent}
		id.Frontend, id.FrontendPlace = b.frontend(text)
		return id, err
	}
	s, err := c.snapshot(ctx, b, text, r)
	if err != nil {
		return Identity{}, err
	}
	s.bases = bases
	all := slices.Concat(b.inputLines(text), bases, lines(s.entries))
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, "\n"))))
	ref, err := TaggedRef(b.Repository, hash)
	return Identity{Hash: hash, Ref: ref, Inputs: s}, err
}

func (b Build) frontend(text []byte) (image, place string) {
	syntax := dockerfile.SyntaxOf(text, b.Args)
	switch {
	case syntax.Embedded():
		return "", ""
	case syntax.Line == 0:
		return syntax.Image, "build argument " + dockerfile.SyntaxArg
	}
	return syntax.Image, fmt.Sprintf("%s:%d", b.DockerfilePath(), syntax.Line)
}

// inputLines includes only the names of secrets, because a tag must not help to
// guess the values.
func (b Build) inputLines(text []byte) []string {
	lines := []string{
		inputsVersion,
		fmt.Sprintf("name %q", b.Name),
		fmt.Sprintf("dockerfile %x", sha256.Sum256(text)),
		fmt.Sprintf("target %q", b.Target),
		fmt.Sprintf("platform %q", b.Platform),
	}
	if b.Project != "" {
		lines = append(lines, fmt.Sprintf("project %q", b.Project))
	}
	for _, arg := range slices.Sorted(maps.Keys(b.AllArgs())) {
		lines = append(lines, fmt.Sprintf("arg %q %q", arg, b.AllArgs()[arg]))
	}
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		lines = append(lines, fmt.Sprintf("secret %q", id))
	}
	return lines
}

func (c *LookupCache) baseLines(ctx context.Context, refs []string) (lines, absent []string, err error) {
	for _, ref := range refs {
		found, err := c.Image(ctx, ref)
		if err != nil {
			return nil, nil, err
		}
		if found == nil {
			absent = append(absent, ref)
			continue
		}
		lines = append(lines, fmt.Sprintf("base %q %s", engine.FullRef(ref), found.ID))
	}
	return lines, absent, nil
}

// TaggedRef returns the repository's full reference, tagged with the start of
// the hash.
func TaggedRef(repository, hash string) (string, error) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err == nil {
		named, err = reference.WithTag(reference.TrimNamed(named), hash[:TagLength])
	}
	if err != nil {
		return "", fault.New(fault.Config, fmt.Errorf("repository %q: %w", repository, err), "")
	}
	return named.String(), nil
}
