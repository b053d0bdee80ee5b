package inputs

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// tagLength is how much of the hash is the tag: 48 bits, enough to never meet
// another image of the same repository by chance.
const tagLength = 12

// An identity is a build's name by its inputs.
type Identity struct {
	Hash   string   // of all inputs, hex
	Ref    string   // full reference with the hash's start as the tag
	Absent []string // the bases that the engine has not; then hash and ref are ""
}

// identify hashes what the build reads. It needs the ids of the base images
// and so has no answer until they are here.
func (v *LookupCache) Identify(ctx context.Context, b Build) (Identity, error) {
	id, err := v.readInputs(ctx, b)
	if err != nil {
		return id, fmt.Errorf("identify image %s by its inputs: %w", b.Name, err)
	}
	return id, nil
}

func (v *LookupCache) readInputs(ctx context.Context, b Build) (Identity, error) {
	dockerfile, err := os.ReadFile(b.DockerfilePath())
	if err != nil {
		return Identity{}, fault.New(fault.Config, fmt.Errorf("read Dockerfile: %w", err), "")
	}
	if b.Platform == "" {
		b.Platform = v.engine.Platform()
	}
	r := readsOf(ctx, dockerfile, b, b.Platform, v.config)
	bases, absent, err := v.baseLines(ctx, r.bases)
	if err != nil || len(absent) > 0 {
		return Identity{Absent: absent}, err
	}
	files, err := v.fileLines(ctx, b, r)
	if err != nil {
		return Identity{}, err
	}
	lines := append(b.inputLines(dockerfile), append(bases, files...)...)
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	ref, err := TaggedRef(b.Repository, hash)
	return Identity{Hash: hash, Ref: ref}, err
}

// inputLines are the inputs that the configuration gives. Of a secret only the
// name counts: its value must not be guessable from a tag.
func (b Build) inputLines(dockerfile []byte) []string {
	lines := []string{
		"tkdeploy image inputs 1",
		fmt.Sprintf("name %q", b.Name),
		fmt.Sprintf("dockerfile %x", sha256.Sum256(dockerfile)),
		fmt.Sprintf("target %q", b.Target),
		fmt.Sprintf("platform %q", b.Platform),
	}
	for _, arg := range slices.Sorted(maps.Keys(b.AllArgs())) {
		lines = append(lines, fmt.Sprintf("arg %q %q", arg, b.AllArgs()[arg]))
	}
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		lines = append(lines, fmt.Sprintf("secret %q", id))
	}
	return lines
}

// baseLines name the base images by their ids.
func (v *LookupCache) baseLines(ctx context.Context, refs []string) (lines, absent []string, err error) {
	for _, ref := range refs {
		found, err := v.Image(ctx, ref)
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

// fileLines describe the files that the target reads.
func (v *LookupCache) fileLines(ctx context.Context, b Build, r reads) ([]string, error) {
	files, filter, err := v.contextOf(b, r)
	if files == nil || err != nil {
		return nil, err
	}
	lines, err := files.list(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read build context %s: %w", b.Context, err)
	}
	return lines, nil
}

// TaggedRef returns the full reference of a repository with the start of the
// hash as the tag.
func TaggedRef(repository, hash string) (string, error) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err == nil {
		named, err = reference.WithTag(reference.TrimNamed(named), hash[:tagLength])
	}
	if err != nil {
		return "", fault.New(fault.Config, fmt.Errorf("repository %q: %w", repository, err), "")
	}
	return named.String(), nil
}
