package images

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// tagLength is how much of the hash is the tag: 48 bits, enough to never meet
// another image of the same repository by chance.
const tagLength = 12

// An identity is a build's name by its inputs.
type identity struct {
	hash   string // of all inputs, hex
	ref    string // full reference with the hash's start as the tag
	bases  []string
	absent []string // those of bases that the engine has not; then hash and ref are ""
}

func (i identity) tag() string { return i.hash[:tagLength] }

// identify hashes what the build reads. It needs the ids of the base images
// and so has no answer until they are here.
func (v *view) identify(ctx context.Context, b Build) (identity, error) {
	id, err := v.readInputs(ctx, b)
	return id, wrap(err, "identify image %s by its inputs", b.Name)
}

func (v *view) readInputs(ctx context.Context, b Build) (identity, error) {
	dockerfile, err := os.ReadFile(b.dockerfile())
	if err != nil {
		return identity{}, fault.New(fault.Config, fmt.Errorf("read Dockerfile: %w", err), "")
	}
	if b.Platform == "" {
		b.Platform = v.engine.platform
	}
	r := readsOf(ctx, dockerfile, b, b.Platform, v.config)
	bases, absent, err := v.baseLines(ctx, r.bases)
	if err != nil || len(absent) > 0 {
		return identity{bases: r.bases, absent: absent}, err
	}
	files, err := v.fileLines(ctx, b, r)
	if err != nil {
		return identity{}, err
	}
	lines := append(b.inputLines(dockerfile), append(bases, files...)...)
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	ref, err := b.ref(hash[:tagLength])
	return identity{hash: hash, ref: ref, bases: r.bases}, err
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
	for _, arg := range slices.Sorted(maps.Keys(b.args())) {
		lines = append(lines, fmt.Sprintf("arg %q %q", arg, b.args()[arg]))
	}
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		lines = append(lines, fmt.Sprintf("secret %q", id))
	}
	return lines
}

// baseLines name the base images by their ids.
func (v *view) baseLines(ctx context.Context, refs []string) (lines, absent []string, err error) {
	for _, ref := range refs {
		found, err := v.image(ctx, ref)
		if err != nil {
			return nil, nil, err
		}
		if found == nil {
			absent = append(absent, ref)
			continue
		}
		lines = append(lines, fmt.Sprintf("base %q %s", fullRef(ref), found.ID))
	}
	return lines, absent, nil
}

// fileLines describe the files that the target reads.
func (v *view) fileLines(ctx context.Context, b Build, r reads) ([]string, error) {
	files, filter, err := v.contextOf(b, r)
	if files == nil || err != nil {
		return nil, err
	}
	lines, err := files.list(ctx, filter)
	return lines, wrap(err, "read build context %s", b.Context)
}

func (b Build) ref(tag string) (string, error) {
	named, err := reference.ParseNormalizedNamed(b.Repository)
	if err == nil {
		named, err = reference.WithTag(reference.TrimNamed(named), tag)
	}
	if err != nil {
		return "", fault.New(fault.Config, fmt.Errorf("repository %q: %w", b.Repository, err), "")
	}
	return named.String(), nil
}
